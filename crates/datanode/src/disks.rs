//! Disks of this DataNode that are slower than its others (`DataNodeDiskMetrics`).

use std::time::Instant;

use loxodon_wire::proto::hdfs::datanode::SlowDiskReportProto;

use crate::dataset::Volume;
use crate::dataset::times::{DiskWork, WORKS};
use crate::outliers::outliers;
use crate::settings::OutlierSettings;

/// What the NameNode hears of slow disks.
pub(crate) fn slow<'a>(
    volumes: impl IntoIterator<Item = &'a Volume>,
    settings: &OutlierSettings,
    now: Instant,
) -> Vec<SlowDiskReportProto> {
    if settings.disk_percent == 0 {
        return Vec::new();
    }
    let mut means: [Vec<(String, f64)>; WORKS.len()] = Default::default();
    for volume in volumes {
        // Java's path of a directory ends so.
        let path = format!("{}/", volume.root().display());
        for (work, means) in WORKS.iter().zip(&mut means) {
            means.push((path.clone(), volume.times.mean(*work, now)));
        }
    }
    reports(&means, settings)
}

fn reports(
    means: &[Vec<(String, f64)>; WORKS.len()],
    settings: &OutlierSettings,
) -> Vec<SlowDiskReportProto> {
    let mut reports: Vec<SlowDiskReportProto> = Vec::new();
    for (work, means) in WORKS.iter().zip(means) {
        for outlier in outliers(means, settings.least_disks, settings.disk_threshold) {
            let path = Some(outlier.name);
            let known = reports.iter().position(|report| report.base_path == path);
            let mut report = match known {
                Some(at) => reports.swap_remove(at),
                None => SlowDiskReportProto { base_path: path, ..Default::default() },
            };
            *match work {
                DiskWork::Metadata => &mut report.mean_metadata_op_latency,
                DiskWork::Read => &mut report.mean_read_io_latency,
                DiskWork::Write => &mut report.mean_write_io_latency,
            } = Some(outlier.latency);
            reports.push(report);
        }
    }
    reports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_disk_is_told_with_what_it_is_slow_at() {
        let means = |slow: f64| -> Vec<(String, f64)> {
            [slow, 1.0, 1.0, 1.0, 2.0]
                .iter()
                .enumerate()
                .map(|(at, ms)| (format!("/d{at}/"), *ms))
                .collect()
        };
        let settings = OutlierSettings { disk_percent: 100, ..OutlierSettings::default() };
        let told = reports(&[means(50.0), means(1.0), means(70.0)], &settings);
        let wanted = SlowDiskReportProto {
            base_path: Some("/d0/".into()),
            mean_metadata_op_latency: Some(50.0),
            mean_read_io_latency: None,
            mean_write_io_latency: Some(70.0),
        };
        assert_eq!(told, [wanted]);
        assert!(reports(&[means(19.0), means(1.0), means(1.0)], &settings).is_empty());
    }
}
