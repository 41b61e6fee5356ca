//! Names of the framework's counters, in Hadoop's order, with the words they are shown as.

macro_rules! counters {
    ($(#[$doc:meta])* $type:ident { $($ident:ident: $name:literal, $shown:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $(#[doc = concat!("`", $name, "`: ", $shown)] $ident,)*
        }

        impl $type {
            /// All, in Hadoop's order.
            pub const ALL: &[Self] = &[$(Self::$ident),*];

            /// The name in events, reports and commands.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$ident => $name),* }
            }

            /// The words it is shown as.
            pub const fn shown(self) -> &'static str {
                match self { $(Self::$ident => $shown),* }
            }

            /// The counter of a name.
            pub fn of_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$ident),)* _ => None }
            }
        }
    };
}

counters! {
    /// What every task counts.
    TaskCounter {
        MapInputRecords: "MAP_INPUT_RECORDS", "Map input records";
        MapOutputRecords: "MAP_OUTPUT_RECORDS", "Map output records";
        MapSkippedRecords: "MAP_SKIPPED_RECORDS", "Map skipped records";
        MapOutputBytes: "MAP_OUTPUT_BYTES", "Map output bytes";
        MapOutputMaterializedBytes: "MAP_OUTPUT_MATERIALIZED_BYTES", "Map output materialized bytes";
        SplitRawBytes: "SPLIT_RAW_BYTES", "Input split bytes";
        CombineInputRecords: "COMBINE_INPUT_RECORDS", "Combine input records";
        CombineOutputRecords: "COMBINE_OUTPUT_RECORDS", "Combine output records";
        ReduceInputGroups: "REDUCE_INPUT_GROUPS", "Reduce input groups";
        ReduceShuffleBytes: "REDUCE_SHUFFLE_BYTES", "Reduce shuffle bytes";
        ReduceInputRecords: "REDUCE_INPUT_RECORDS", "Reduce input records";
        ReduceOutputRecords: "REDUCE_OUTPUT_RECORDS", "Reduce output records";
        ReduceSkippedGroups: "REDUCE_SKIPPED_GROUPS", "Reduce skipped groups";
        ReduceSkippedRecords: "REDUCE_SKIPPED_RECORDS", "Reduce skipped records";
        SpilledRecords: "SPILLED_RECORDS", "Spilled Records";
        ShuffledMaps: "SHUFFLED_MAPS", "Shuffled Maps ";
        FailedShuffle: "FAILED_SHUFFLE", "Failed Shuffles";
        MergedMapOutputs: "MERGED_MAP_OUTPUTS", "Merged Map outputs";
        GcTimeMillis: "GC_TIME_MILLIS", "GC time elapsed (ms)";
        CpuMilliseconds: "CPU_MILLISECONDS", "CPU time spent (ms)";
        PhysicalMemoryBytes: "PHYSICAL_MEMORY_BYTES", "Physical memory (bytes) snapshot";
        VirtualMemoryBytes: "VIRTUAL_MEMORY_BYTES", "Virtual memory (bytes) snapshot";
        CommittedHeapBytes: "COMMITTED_HEAP_BYTES", "Total committed heap usage (bytes)";
        MapPhysicalMemoryBytesMax: "MAP_PHYSICAL_MEMORY_BYTES_MAX", "Peak Map Physical memory (bytes)";
        MapVirtualMemoryBytesMax: "MAP_VIRTUAL_MEMORY_BYTES_MAX", "Peak Map Virtual memory (bytes)";
        ReducePhysicalMemoryBytesMax: "REDUCE_PHYSICAL_MEMORY_BYTES_MAX", "Peak Reduce Physical memory (bytes)";
        ReduceVirtualMemoryBytesMax: "REDUCE_VIRTUAL_MEMORY_BYTES_MAX", "Peak Reduce Virtual memory (bytes)";
    }
}

counters! {
    /// What is counted about a job's tasks.
    JobCounter {
        NumFailedMaps: "NUM_FAILED_MAPS", "Failed map tasks";
        NumFailedReduces: "NUM_FAILED_REDUCES", "Failed reduce tasks";
        NumKilledMaps: "NUM_KILLED_MAPS", "Killed map tasks";
        NumKilledReduces: "NUM_KILLED_REDUCES", "Killed reduce tasks";
        TotalLaunchedMaps: "TOTAL_LAUNCHED_MAPS", "Launched map tasks";
        TotalLaunchedReduces: "TOTAL_LAUNCHED_REDUCES", "Launched reduce tasks";
        OtherLocalMaps: "OTHER_LOCAL_MAPS", "Other local map tasks";
        DataLocalMaps: "DATA_LOCAL_MAPS", "Data-local map tasks";
        RackLocalMaps: "RACK_LOCAL_MAPS", "Rack-local map tasks";
        SlotsMillisMaps: "SLOTS_MILLIS_MAPS", "Total time spent by all maps in occupied slots (ms)";
        SlotsMillisReduces: "SLOTS_MILLIS_REDUCES", "Total time spent by all reduces in occupied slots (ms)";
        FallowSlotsMillisMaps: "FALLOW_SLOTS_MILLIS_MAPS", "Total time spent by all maps waiting after reserving slots (ms)";
        FallowSlotsMillisReduces: "FALLOW_SLOTS_MILLIS_REDUCES", "Total time spent by all reduces waiting after reserving slots (ms)";
        TotalLaunchedUbertasks: "TOTAL_LAUNCHED_UBERTASKS", "TOTAL_LAUNCHED_UBERTASKS";
        NumUberSubmaps: "NUM_UBER_SUBMAPS", "NUM_UBER_SUBMAPS";
        NumUberSubreduces: "NUM_UBER_SUBREDUCES", "NUM_UBER_SUBREDUCES";
        NumFailedUbertasks: "NUM_FAILED_UBERTASKS", "NUM_FAILED_UBERTASKS";
        TasksReqPreempt: "TASKS_REQ_PREEMPT", "Tasks that have been asked to preempt";
        Checkpoints: "CHECKPOINTS", "Number of checkpoints reported";
        CheckpointBytes: "CHECKPOINT_BYTES", "Total amount of bytes in checkpoints";
        CheckpointTime: "CHECKPOINT_TIME", "Total time spent checkpointing (ms)";
        MillisMaps: "MILLIS_MAPS", "Total time spent by all map tasks (ms)";
        MillisReduces: "MILLIS_REDUCES", "Total time spent by all reduce tasks (ms)";
        VcoresMillisMaps: "VCORES_MILLIS_MAPS", "Total vcore-milliseconds taken by all map tasks";
        VcoresMillisReduces: "VCORES_MILLIS_REDUCES", "Total vcore-milliseconds taken by all reduce tasks";
        MbMillisMaps: "MB_MILLIS_MAPS", "Total megabyte-milliseconds taken by all map tasks";
        MbMillisReduces: "MB_MILLIS_REDUCES", "Total megabyte-milliseconds taken by all reduce tasks";
    }
}

counters! {
    /// What is counted about each file system.
    FileSystemCounter {
        BytesRead: "BYTES_READ", "Number of bytes read";
        BytesWritten: "BYTES_WRITTEN", "Number of bytes written";
        ReadOps: "READ_OPS", "Number of read operations";
        LargeReadOps: "LARGE_READ_OPS", "Number of large read operations";
        WriteOps: "WRITE_OPS", "Number of write operations";
        BytesReadEc: "BYTES_READ_EC", "Number of bytes read erasure-coded";
    }
}
