//! Settings that change while a DataNode runs.

use std::time::Duration;

use parking_lot::RwLock;

use crate::settings::{DataNodeSettings, OutlierSettings};

/// What is in force now.
#[derive(Debug)]
pub(crate) struct Live(RwLock<LiveSettings>);

/// The values; small, and copied by whoever needs them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LiveSettings {
    pub(crate) max_transfers: usize,
    pub(crate) balance_moves: usize,
    pub(crate) report_interval: Duration,
    pub(crate) report_delay: Duration,
    pub(crate) report_split: u64,
    pub(crate) outliers: OutlierSettings,
}

impl Live {
    pub(crate) fn new(settings: &DataNodeSettings) -> Self {
        Self(RwLock::new(LiveSettings {
            max_transfers: settings.max_transfers,
            balance_moves: settings.balance_moves,
            report_interval: settings.report_interval,
            report_delay: settings.report_delay,
            report_split: settings.report_split,
            outliers: settings.outliers,
        }))
    }

    pub(crate) fn get(&self) -> LiveSettings {
        *self.0.read()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut LiveSettings)) {
        change(&mut self.0.write());
    }
}
