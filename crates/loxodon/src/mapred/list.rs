//! The table of jobs (`CLI.displayJobList`).

use loxodon_mapreduce::job::{JobPriority, JobState};
use loxodon_mapreduce::protocol::JobStatusMessage;

/// Longest name that is shown, in characters.
const NAME: usize = 40;

/// All jobs as `mapred job -list` shows them.
pub(super) fn table(jobs: &[JobStatusMessage]) -> String {
    let mut text = format!("Total jobs:{}\n", jobs.len());
    let titles = [
        "JobId",
        "JobName",
        "State",
        "StartTime",
        "UserName",
        "Queue",
        "Priority",
        "UsedContainers",
        "RsvdContainers",
        "UsedMem",
        "RsvdMem",
        "NeededMem",
        "AM info",
    ];
    row(&mut text, &titles.map(str::to_owned));
    for job in jobs {
        let cells = [
            job.job_id.clone(),
            job.job_name.chars().take(NAME).collect(),
            JobState::from_number(job.state).map_or("", JobState::name).to_owned(),
            job.start_time.to_string(),
            job.user.clone(),
            job.queue.clone(),
            JobPriority::from_number(job.priority).map_or("DEFAULT", JobPriority::name).to_owned(),
            job.used_slots.to_string(),
            "0".to_owned(),
            format!("{}M", job.used_memory),
            "0M".to_owned(),
            format!("{}M", job.needed_memory),
            job.scheduling_info.clone(),
        ];
        row(&mut text, &cells);
    }
    text
}

fn row(text: &mut String, cells: &[String; 13]) {
    const WIDTHS: [usize; 13] = [23, 40, 10, 14, 12, 12, 10, 15, 15, 8, 8, 10, 10];
    let padded: Vec<String> =
        cells.iter().zip(WIDTHS).map(|(cell, width)| format!("{cell:>width$}")).collect();
    text.push_str(&padded.join("\t"));
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_hadoops() {
        let job = JobStatusMessage {
            job_id: "job_1_0001".into(),
            job_name: "x".repeat(50),
            state: JobState::Running.number(),
            used_memory: 2048,
            ..JobStatusMessage::default()
        };
        let text = table(&[job]);
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("Total jobs:1"));
        assert!(lines.next().unwrap().starts_with("                  JobId\t"));
        let row: Vec<&str> = lines.next().unwrap().split('\t').collect();
        assert_eq!(
            (row.len(), row[1].len(), row[2].trim(), row[9]),
            (13, 40, "RUNNING", "   2048M")
        );
    }
}
