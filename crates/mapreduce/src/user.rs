//! Who runs a program, a command or a task (`UserGroupInformation.getLoginUser`, without Kerberos).

use loxodon_client::UserIdentity;

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Who runs this process: `HADOOP_USER_NAME`, else the operating system's user.
#[must_use]
pub fn process_user() -> String {
    variable("HADOOP_USER_NAME").unwrap_or_else(|| {
        let name = uzers::get_current_username().map(|name| name.to_string_lossy().into_owned());
        name.unwrap_or_else(|| uzers::get_current_uid().to_string())
    })
}

/// For whom this process works: `HADOOP_PROXY_USER` on behalf of who runs it, where that is set.
#[must_use]
pub fn current_user() -> UserIdentity {
    match variable("HADOOP_PROXY_USER") {
        Some(effective) => UserIdentity { effective, real: Some(process_user()) },
        None => UserIdentity::new(process_user()),
    }
}
