//! Groups of users as the operating system knows them.

use loxodon_namenode::users::GroupSource;

/// `ShellBasedUnixGroupsMapping` and its like: the system's user and group databases.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemGroups;

impl GroupSource for SystemGroups {
    fn groups_of(&self, user: &str) -> Vec<String> {
        let Some(found) = uzers::get_user_by_name(user) else { return Vec::new() };
        let primary = found.primary_group_id();
        let groups = uzers::get_user_groups(user, primary).unwrap_or_default();
        let mut names: Vec<String> = Vec::with_capacity(groups.len());
        for group in &groups {
            let name = group.name().to_string_lossy().into_owned();
            if names.contains(&name) {
                continue;
            }
            if group.gid() == primary {
                names.insert(0, name);
            } else {
                names.push(name);
            }
        }
        names
    }
}
