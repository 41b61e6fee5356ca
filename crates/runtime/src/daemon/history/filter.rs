//! Which jobs of a list are asked for: the parameters of `…/jobs`.

use super::answer::Refusal;
use crate::web::Request;

/// What `state` may be (`JobState`).
const STATES: [&str; 7] = ["NEW", "INITED", "RUNNING", "SUCCEEDED", "FAILED", "KILLED", "ERROR"];

/// What a list is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Filter<'a> {
    user: Option<&'a str>,
    queue: Option<&'a str>,
    state: Option<&'a str>,
    most: Option<usize>,
    /// From and to.
    started: (Option<i64>, Option<i64>),
    finished: (Option<i64>, Option<i64>),
}

/// What a filter looks at.
#[derive(Debug)]
pub(super) struct Listed<'a> {
    pub(super) user: &'a str,
    pub(super) queue: &'a str,
    pub(super) state: &'a str,
    pub(super) started: i64,
    pub(super) finished: i64,
}

impl<'a> Filter<'a> {
    pub(super) fn read(request: &'a Request) -> Result<Self, Refusal> {
        let given = |name: &str| request.parameter(name).filter(|value| !value.is_empty());
        let wrong = |text: &str| Refusal::Wrong(text.to_owned());
        let most = match given("limit") {
            None => None,
            Some(text) => {
                let number = integer(text).map_err(Refusal::Wrong)?;
                if number <= 0 {
                    return Err(wrong("limit value must be greater then 0"));
                }
                usize::try_from(number).ok()
            }
        };
        let started = (time(request, "startedTimeBegin")?, time(request, "startedTimeEnd")?);
        if matches!(started, (Some(from), Some(to)) if from > to) {
            return Err(wrong("startedTimeEnd must be greater than startTimeBegin"));
        }
        let finished = (time(request, "finishedTimeBegin")?, time(request, "finishedTimeEnd")?);
        if matches!(finished, (Some(from), Some(to)) if from > to) {
            return Err(wrong("finishedTimeEnd must be greater than finishedTimeBegin"));
        }
        let state = request.parameter("state");
        if let Some(state) = state.filter(|state| !STATES.contains(state)) {
            let class = "org.apache.hadoop.mapreduce.v2.api.records.JobState";
            return Err(Refusal::Illegal(format!("No enum constant {class}.{state}")));
        }
        Ok(Self { user: given("user"), queue: given("queue"), state, most, started, finished })
    }

    /// Jobs at most.
    pub(super) fn most(&self) -> usize {
        self.most.unwrap_or(usize::MAX)
    }

    pub(super) fn takes(&self, job: &Listed<'_>) -> bool {
        let is_in = |time: i64, (from, to): (Option<i64>, Option<i64>)| {
            // Without a bound it is 0, as in Hadoop: a time that no event told is before it.
            time >= from.unwrap_or(0) && to.is_none_or(|to| time <= to)
        };
        self.user.is_none_or(|user| user == job.user)
            && self.queue.is_none_or(|queue| queue == job.queue)
            && self.state.is_none_or(|state| state == job.state)
            && is_in(job.started, self.started)
            && is_in(job.finished, self.finished)
    }
}

fn time(request: &Request, name: &str) -> Result<Option<i64>, Refusal> {
    let Some(text) = request.parameter(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let number = integer(text);
    let number = number.map_err(|why| Refusal::Wrong(format!("Invalid number format: {why}")))?;
    if number < 0 {
        return Err(Refusal::Wrong(format!("{name} must be greater than 0")));
    }
    Ok(Some(number))
}

/// A number, or what Java says of what is none.
fn integer(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("For input string: \"{text}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_filtered_as_hadoop_filters_them() {
        let read = |query: &str| {
            let request = Request::get("/jobs", query);
            Filter::read(&request).map(|filter| {
                filter.takes(&Listed {
                    user: "ann",
                    queue: "default",
                    state: "SUCCEEDED",
                    started: 10,
                    finished: 20,
                })
            })
        };
        for taken in [
            "",
            "user=ann&queue=default&state=SUCCEEDED",
            "startedTimeBegin=10&startedTimeEnd=10&limit=1",
            "finishedTimeBegin=20&user=",
        ] {
            assert!(matches!(read(taken), Ok(true)), "{taken}");
        }
        for left in
            ["user=Ann", "queue=x", "state=FAILED", "startedTimeBegin=11", "finishedTimeEnd=19"]
        {
            assert!(matches!(read(left), Ok(false)), "{left}");
        }
        for wrong in [
            "limit=0",
            "limit=x",
            "startedTimeBegin=-1",
            "finishedTimeEnd=soon",
            "startedTimeBegin=2&startedTimeEnd=1",
        ] {
            assert!(matches!(read(wrong), Err(Refusal::Wrong(_))), "{wrong}");
        }
        assert!(matches!(read("state=DONE"), Err(Refusal::Illegal(_))));
    }
}
