//! Keys of jobs, the JobTracker and the TaskTrackers. Their older names are in [`crate::RENAMED`].
//!
//! A default that stands here is what every reader gets; where what happens depends on the machine or
//! on another key, none stands here and the sentence says what happens.

use crate::key::Key;
use crate::key::Kind::{self, Bool, Float, Int, List, Text};

/// Names that go on with a queue's, an output's or another name of the user's.
pub const FAMILIES: &[&str] = &[
    "mapred.queue.",
    "yarn.scheduler.capacity.",
    "mapreduce.multipleoutputs.namedOutput.",
    "mapreduce.outputcommitter.factory.scheme.",
];

#[rustfmt::skip] // One row is one line, whatever its length.
keys! {
    // A job
    JOB_NAME: "mapreduce.job.name", Text, "", [], "The job's name, as lists and pages show it.";
    JOB_USER: "mapreduce.job.user.name", Text, "", [], "Set in a job that is handed in: its user.";
    JOB_ID: "mapreduce.job.id", Text, "", [], "Set for a task: its job.";
    JOB_DIR: "mapreduce.job.dir", Text, "", [], "Set in a job that is handed in: its staging directory.";
    JOB_WORKING_DIR: "mapreduce.job.working.dir", Text, "", [], "Folder of relative paths; where not set, the user's home.";
    JOB_ATTEMPT: "mapreduce.job.application.attempt.id", Int, "0", [], "Set for a task: how often the JobTracker has begun the job, for the committer's directories.";
    FRAMEWORK: "mapreduce.framework.name", Text, "local", [], "Where jobs run: `local` is in the client's process, `classic` on the cluster of `mapreduce.jobtracker.address`.";
    QUEUE: "mapreduce.job.queuename", Text, "default", [], "Queue of the job.";
    PRIORITY: "mapreduce.job.priority", Text, "", [], "`VERY_HIGH`, `HIGH`, `NORMAL`, `LOW`, `VERY_LOW` or a number.";
    MAPS: "mapreduce.job.maps", Int, "2", [], "Maps that the old API's input formats aim at; how many there are, the splits say.";
    REDUCES: "mapreduce.job.reduces", Int, "1", [], "Reduces of the job; with 0 the maps write the output.";
    SLOWSTART: "mapreduce.job.reduce.slowstart.completedmaps", Float, "0.05", [], "Part of the maps that is complete before reduces start.";
    RUNNING_MAPS: "mapreduce.job.running.map.limit", Int, "0", [], "Maps of the job that run at once; 0 means no limit.";
    RUNNING_REDUCES: "mapreduce.job.running.reduce.limit", Int, "0", [], "Reduces of the job that run at once; 0 means no limit.";
    VIEW_ACL: "mapreduce.job.acl-view-job", Text, " ", [], "Users and groups beside the owner who may see the job's details, where `mapreduce.cluster.acls.enabled`.";
    MODIFY_ACL: "mapreduce.job.acl-modify-job", Text, " ", [], "Users and groups beside the owner who may kill the job and set its priority.";
    END_URL: "mapreduce.job.end-notification.url", Text, "", [], "Address called when the job is over, with `$jobId` and `$jobStatus` filled in.";
    END_ATTEMPTS: "mapreduce.job.end-notification.retry.attempts", Int, "0", [], "Further calls where the first fails.";
    END_INTERVAL: "mapreduce.job.end-notification.retry.interval", Int, "1000", [], "Milliseconds between those.";
    END_MAX_ATTEMPTS: "mapreduce.job.end-notification.max.attempts", Int, "5", [], "Most calls, whatever the job asks for.";
    END_MAX_INTERVAL: "mapreduce.job.end-notification.max.retry.interval", Int, "5000", [], "Longest pause in milliseconds, whatever the job asks for.";
    COUNTERS: "mapreduce.job.counters.max", Int, "120", [], "Counters of a job.";
    COUNTER_GROUPS: "mapreduce.job.counters.groups.max", Int, "50", [], "Groups of counters of a job.";
    COUNTER_NAME: "mapreduce.job.counters.counter.name.max", Int, "64", [], "Characters of a counter's name.";
    COUNTER_GROUP_NAME: "mapreduce.job.counters.group.name.max", Int, "128", [], "Characters of a group's name.";
    SETUP_CLEANUP: "mapreduce.job.committer.setup.cleanup.needed", Bool, "true", [], "Whether the job has a set-up and a clean-up task.";
    TASK_CLEANUP: "mapreduce.job.committer.task.cleanup.needed", Bool, "true", [], "Whether failed and killed attempts are cleaned up after by a task of their own.";
    TRACKER_FAILURES: "mapreduce.job.maxtaskfailures.per.tracker", Int, "3", [], "Failed attempts of the job after which it avoids a TaskTracker.";
    FINISH_WITH_REDUCES: "mapreduce.job.finish-when-all-reducers-done", Bool, "true", [], "Whether the job is over when its reduces are, though maps run again.";
    SPLIT_LOCATIONS: "mapreduce.job.max.split.locations", Int, "15", [], "Hosts of a split that are told to the JobTracker.";
    META_SIZE: "mapreduce.job.split.metainfo.maxsize", Int, "10000000", [], "Bytes of a job's list of splits; -1 means no limit.";
    LOG_AGE: "mapreduce.job.userlog.retain.hours", Int, "24", [], "Hours that a TaskTracker keeps logs of attempts.";
    CACHE_FILES: "mapreduce.job.cache.files", List, "", [], "Files put beside each task; `#name` after one is what the task calls it.";
    CACHE_ARCHIVES: "mapreduce.job.cache.archives", List, "", [], "Archives unpacked beside each task.";
    CACHE_FILE_TIMES: "mapreduce.job.cache.files.timestamps", List, "", [], "Set in a job that is handed in: when those files changed last.";
    CACHE_ARCHIVE_TIMES: "mapreduce.job.cache.archives.timestamps", List, "", [], "Set in a job that is handed in: when those archives changed last.";
    CACHE_FILE_VISIBILITIES: "mapreduce.job.cache.files.visibilities", List, "", [], "Set in a job that is handed in: whether all users of a machine share a file.";
    CACHE_ARCHIVE_VISIBILITIES: "mapreduce.job.cache.archives.visibilities", List, "", [], "Set in a job that is handed in: whether all users of a machine share an archive.";
    JOB_PROGRAM: "loxodon.job.program", Text, "", [], "Set in a job that is handed in: the program that runs its tasks; `loxodon` is the TaskTracker's own.";
    JOB_ARGUMENTS: "loxodon.job.arguments", Text, "", [], "Set in the job of a Rust program: its arguments.";
    MAP_KEY_TYPE: "loxodon.job.map.key.type", Text, "", [], "Set in the job of a Rust program: the type whose order its keys have.";

    // Slow attempts
    MAP_SPECULATIVE: "mapreduce.map.speculative", Bool, "true", [], "Whether slow maps get a second attempt.";
    REDUCE_SPECULATIVE: "mapreduce.reduce.speculative", Bool, "true", [], "Whether slow reduces get a second attempt.";
    SLOW_TASK: "mapreduce.job.speculative.slowtaskthreshold", Float, "1.0", [], "Standard deviations beyond the mean at which a task is slow.";
    SPECULATIVE_RUNNING: "mapreduce.job.speculative.speculative-cap-running-tasks", Float, "0.1", [], "Part of the running tasks that may have a second attempt.";
    SPECULATIVE_TOTAL: "mapreduce.job.speculative.speculative-cap-total-tasks", Float, "0.01", [], "Part of all tasks that may have one.";
    SPECULATIVE_MINIMUM: "mapreduce.job.speculative.minimum-allowed-tasks", Int, "10", [], "Tasks that may have one at least.";
    SPECULATE_AFTER_NONE: "mapreduce.job.speculative.retry-after-no-speculate", Int, "1000", [], "Milliseconds after a look that found no slow task.";
    SPECULATE_AFTER_SOME: "mapreduce.job.speculative.retry-after-speculate", Int, "15000", [], "Milliseconds after a look that found one.";

    // What a task asks for
    MAP_MEMORY: "mapreduce.map.memory.mb", Int, "-1", [], "Memory of a map in MiB; -1 is 1024.";
    REDUCE_MEMORY: "mapreduce.reduce.memory.mb", Int, "-1", [], "Memory of a reduce in MiB; -1 is 1024.";
    MAP_CORES: "mapreduce.map.cpu.vcores", Int, "1", [], "Cores of a map.";
    REDUCE_CORES: "mapreduce.reduce.cpu.vcores", Int, "1", [], "Cores of a reduce.";
    MAP_ATTEMPTS: "mapreduce.map.maxattempts", Int, "4", [], "Failed attempts after which a map is given up.";
    REDUCE_ATTEMPTS: "mapreduce.reduce.maxattempts", Int, "4", [], "Failed attempts after which a reduce is given up.";
    MAP_FAILURES: "mapreduce.map.failures.maxpercent", Int, "0", [], "Maps in a hundred that may fail without failing the job.";
    REDUCE_FAILURES: "mapreduce.reduce.failures.maxpercent", Int, "0", [], "Reduces in a hundred that may fail without failing the job.";
    TASK_ENV: "mapred.child.env", Text, "", [], "Variables of tasks' environment, `A=1,B=$B:2`.";
    MAP_ENV: "mapreduce.map.env", Text, "", [], "Variables of maps' environment.";
    REDUCE_ENV: "mapreduce.reduce.env", Text, "", [], "Variables of reduces' environment.";
    ADMIN_ENV: "mapreduce.admin.user.env", Text, "", [], "The administrator's variables for every task.";
    TASK_TIMEOUT: "mapreduce.task.timeout", Int, "600000", [], "Milliseconds without progress after which an attempt is failed; 0 means never.";
    MAP_DEBUG: "mapreduce.map.debug.script", Text, "", [], "Command that a TaskTracker runs where a map attempt has failed, with the files of its stdout, stderr and syslog and `job.xml` as arguments.";
    REDUCE_DEBUG: "mapreduce.reduce.debug.script", Text, "", [], "The same for reduces.";
    TASK_LOG_LIMIT: "mapreduce.task.userlog.limit.kb", Int, "0", [], "KiB of each log of an attempt; 0 means no limit of the job's own.";
    PROGRESS_INTERVAL: "mapreduce.task.progress-report.interval", Int, "3000", [], "Milliseconds between an attempt's reports.";
    TASK_ID: "mapreduce.task.id", Text, "", [], "Set for a task: itself.";
    ATTEMPT_ID: "mapreduce.task.attempt.id", Text, "", [], "Set for a task: its attempt.";
    TASK_PARTITION: "mapreduce.task.partition", Int, "", [], "Set for a task: its number.";
    TASK_IS_MAP: "mapreduce.task.ismap", Bool, "", [], "Set for a task: whether it is a map.";
    TASK_OUTPUT_DIR: "mapreduce.task.output.dir", Text, "", [], "Set for a task: where its output files are until they are committed.";
    MAP_INPUT_FILE: "mapreduce.map.input.file", Text, "", [], "Set for a map: its input file.";
    MAP_INPUT_START: "mapreduce.map.input.start", Int, "", [], "Set for a map: its first byte there.";
    MAP_INPUT_LENGTH: "mapreduce.map.input.length", Int, "", [], "Set for a map: its bytes there.";

    // What a job is made of
    MAP_CLASS: "mapreduce.job.map.class", Text, "", [], "The mapper, by the name under which the program has it.";
    COMBINE_CLASS: "mapreduce.job.combine.class", Text, "", [], "The combiner.";
    REDUCE_CLASS: "mapreduce.job.reduce.class", Text, "", [], "The reducer.";
    PARTITIONER_CLASS: "mapreduce.job.partitioner.class", Text, "", [], "The partitioner; where not set, by the key's hash.";
    INPUT_FORMAT_CLASS: "mapreduce.job.inputformat.class", Text, "", [], "The input format; where not set, lines of text.";
    OUTPUT_FORMAT_CLASS: "mapreduce.job.outputformat.class", Text, "", [], "The output format; where not set, lines of text.";
    OLD_MAP_CLASS: "mapred.mapper.class", Text, "", [], "The mapper of a job in the old API's words.";
    OLD_COMBINE_CLASS: "mapred.combiner.class", Text, "", [], "The combiner of such a job.";
    OLD_REDUCE_CLASS: "mapred.reducer.class", Text, "", [], "The reducer of such a job.";
    OLD_PARTITIONER_CLASS: "mapred.partitioner.class", Text, "", [], "The partitioner of such a job.";
    OLD_INPUT_FORMAT_CLASS: "mapred.input.format.class", Text, "", [], "The input format of such a job.";
    OLD_OUTPUT_FORMAT_CLASS: "mapred.output.format.class", Text, "", [], "The output format of such a job.";
    OLD_COMMITTER_CLASS: "mapred.output.committer.class", Text, "", [], "The committer of such a job.";
    COMMITTER_FACTORY: "mapreduce.outputcommitter.factory.class", Text, "", [], "Maker of committers; only that of files is there.";
    MAP_KEY_CLASS: "mapreduce.map.output.key.class", Text, "", [], "Class of the keys that maps emit; where not set, that of the output.";
    MAP_VALUE_CLASS: "mapreduce.map.output.value.class", Text, "", [], "Class of the values that maps emit; where not set, that of the output.";
    KEY_CLASS: "mapreduce.job.output.key.class", Text, "", [], "Class of the output's keys; where not set, `LongWritable`.";
    VALUE_CLASS: "mapreduce.job.output.value.class", Text, "", [], "Class of the output's values; where not set, `Text`.";
    SORT_COMPARATOR: "mapreduce.job.output.key.comparator.class", Text, "", [], "Order of the keys; where not set, their class's own.";
    GROUP_COMPARATOR: "mapreduce.job.output.group.comparator.class", Text, "", [], "Which keys are one group; where not set, those that are equal in order.";
    COMBINER_GROUP_COMPARATOR: "mapreduce.job.combiner.group.comparator.class", Text, "", [], "The same for the combiner.";
    KEY_COMPARATOR_OPTIONS: "mapreduce.partition.keycomparator.options", Text, "", [], "Fields by which `KeyFieldBasedComparator` orders, as `sort -k` has them.";
    KEY_PARTITIONER_OPTIONS: "mapreduce.partition.keypartitioner.options", Text, "", [], "Fields by which `KeyFieldBasedPartitioner` parts.";
    PARTITION_FIELDS: "num.key.fields.for.partition", Int, "", [], "Leading fields by which it parts, where no options are set.";
    KEY_FIELD_SEPARATOR: "mapreduce.map.output.key.field.separator", Text, "", [], "What stands between a key's fields; where not set, a tab.";
    BINARY_LEFT: "mapreduce.partition.binarypartitioner.left.offset", Int, "0", [], "First byte by which `BinaryPartitioner` parts; negative from the end.";
    BINARY_RIGHT: "mapreduce.partition.binarypartitioner.right.offset", Int, "-1", [], "Last byte by which it parts.";
    TOTAL_ORDER_FILE: "mapreduce.totalorderpartitioner.path", Text, "", [], "File of the keys between which `TotalOrderPartitioner` parts; where not set, `_partition.lst`.";

    // Input
    INPUT_DIR: "mapreduce.input.fileinputformat.inputdir", Text, "", [], "Input files and folders, with patterns, between commas.";
    INPUT_FILES: "mapreduce.input.fileinputformat.numinputfiles", Int, "", [], "Set in a job that is handed in: how many input files there are.";
    INPUT_RECURSIVE: "mapreduce.input.fileinputformat.input.dir.recursive", Bool, "false", [], "Whether folders within folders are read.";
    INPUT_IGNORES_FOLDERS: "mapreduce.input.fileinputformat.input.dir.nonrecursive.ignore.subdirs", Bool, "false", [], "Whether folders within folders are passed over where they are not read.";
    SPLIT_MIN: "mapreduce.input.fileinputformat.split.minsize", Text, "", [], "Bytes of a split at least; where not set, 1.";
    SPLIT_MAX: "mapreduce.input.fileinputformat.split.maxsize", Text, "", [], "Bytes of a split at most; where not set, a block.";
    SPLIT_MIN_NODE: "mapreduce.input.fileinputformat.split.minsize.per.node", Text, "", [], "Bytes that are left on a machine before they go with others of the rack, in combined splits.";
    SPLIT_MIN_RACK: "mapreduce.input.fileinputformat.split.minsize.per.rack", Text, "", [], "Bytes that are left on a rack before they go with others, in combined splits.";
    JOIN_EXPRESSION: "mapreduce.join.expr", Text, "", [], "What `CompositeInputFormat` joins, and how: `inner(tbl(format,\"path\"),tbl(format,\"path\"))`.";
    JOIN_COMPARATOR: "mapreduce.join.keycomparator", Text, "", [], "Comparator by which its keys are sorted; where not set, that of their class.";
    PATH_FILTER: "mapreduce.input.pathFilter.class", Text, "", [], "Refused by name where it is set: there are no classes to load.";
    KV_SEPARATOR: "mapreduce.input.keyvaluelinerecordreader.key.value.separator", Text, "", [], "What ends the key of a line; where not set, a tab.";
    LINES_PER_MAP: "mapreduce.input.lineinputformat.linespermap", Int, "1", [], "Lines of a split of `NLineInputFormat`.";
    LINE_LENGTH: "mapreduce.input.linerecordreader.line.maxlength", Int, "2147483647", [], "Bytes of a line; longer ones are passed over.";
    RECORD_DELIMITER: "textinputformat.record.delimiter", Text, "", [], "What ends a line; where not set, `\\n`, `\\r` or both.";
    FIXED_LENGTH: "fixedlengthinputformat.record.length", Int, "0", [], "Bytes of a record of `FixedLengthInputFormat`.";
    LOCAL_BLOCK_SIZE: "fs.local.block.size", Text, "", [], "Bytes of a block of local files, by which they are split; where not set, 32 MiB.";

    // Output
    OUTPUT_DIR: "mapreduce.output.fileoutputformat.outputdir", Text, "", [], "Output folder, which must not be there yet.";
    OUTPUT_NAME: "mapreduce.output.basename", Text, "", [], "Beginning of output files' names; where not set, `part`.";
    OUTPUT_COMPRESS: "mapreduce.output.fileoutputformat.compress", Bool, "false", [], "Whether the output is compressed.";
    OUTPUT_CODEC: "mapreduce.output.fileoutputformat.compress.codec", Text, "", [], "How; where not set, the format's own choice.";
    OUTPUT_COMPRESS_TYPE: "mapreduce.output.fileoutputformat.compress.type", Text, "RECORD", [], "`RECORD` or `BLOCK`, in sequence files.";
    TEXT_SEPARATOR: "mapreduce.output.textoutputformat.separator", Text, "", [], "What stands between key and value of a line; where not set, a tab.";
    LAZY_FORMAT: "mapreduce.output.lazyoutputformat.outputformat", Text, "", [], "Format of files that are not made before their first record.";
    BINARY_KEY_CLASS: "mapreduce.output.seqbinaryoutputformat.key.class", Text, "", [], "Class of keys that `SequenceFileAsBinaryOutputFormat` names in its files.";
    BINARY_VALUE_CLASS: "mapreduce.output.seqbinaryoutputformat.value.class", Text, "", [], "Class of values that it names.";
    NAMED_OUTPUTS: "mapreduce.multipleoutputs", Text, "", [], "Names of further outputs, between spaces; `mapreduce.multipleoutputs.namedOutput.NAME.format`, `.key` and `.value` say what each is.";
    SEQUENCE_BLOCK: "io.seqfile.compress.blocksize", Text, "1000000", [], "Bytes of a block of a sequence file before compression.";
    MAP_FILE_INTERVAL: "io.map.index.interval", Int, "128", [], "Records between entries of a map file's index.";
    ZLIB_LEVEL: "zlib.compress.level", Text, "DEFAULT_COMPRESSION", [], "How hard output is compressed by zlib and gzip: `NO_COMPRESSION`, `BEST_SPEED`, `TWO` to `EIGHT`, `BEST_COMPRESSION`.";
    ZSTD_LEVEL: "io.compression.codec.zstd.level", Int, "3", [], "The same by zstd.";
    SNAPPY_BUFFER: "io.compression.codec.snappy.buffersize", Int, "262144", [], "Bytes of a block that output is compressed in by snappy.";
    LZ4_BUFFER: "io.compression.codec.lz4.buffersize", Int, "262144", [], "The same by LZ4.";
    COMMIT_ALGORITHM: "mapreduce.fileoutputcommitter.algorithm.version", Int, "2", [], "1: the job moves committed files into place; 2: each task does.";
    COMMIT_MARK: "mapreduce.fileoutputcommitter.marksuccessfuljobs", Bool, "true", [], "Whether `_SUCCESS` is made.";
    COMMIT_ATTEMPTS: "mapreduce.fileoutputcommitter.failures.attempts", Int, "1", [], "Attempts at the commit of a job.";
    COMMIT_SKIP_CLEANUP: "mapreduce.fileoutputcommitter.cleanup.skipped", Bool, "false", [], "Whether `_temporary` stays.";
    COMMIT_IGNORE_CLEANUP: "mapreduce.fileoutputcommitter.cleanup-failures.ignored", Bool, "false", [], "Whether a `_temporary` that cannot be removed fails the job.";
    COMMIT_TASK_CLEANUP: "mapreduce.fileoutputcommitter.task.cleanup.enabled", Bool, "false", [], "Whether each task removes its own folder below it.";

    // Sort and shuffle
    SORT_MB: "mapreduce.task.io.sort.mb", Int, "100", [], "MiB in which a map gathers and sorts what it emits.";
    SORT_FACTOR: "mapreduce.task.io.sort.factor", Int, "10", [], "Runs merged at once.";
    SPILL_PERCENT: "mapreduce.map.sort.spill.percent", Float, "0.8", [], "Part of that room that is full when it is sorted and written.";
    SPILL_LIMIT: "mapreduce.task.spill.files.count.limit", Int, "-1", [], "Spills after which a map fails; -1 means no limit.";
    COMBINE_SPILLS: "mapreduce.map.combine.minspills", Int, "3", [], "Spills from which on the combiner runs once more in the merge.";
    MAP_COMPRESS: "mapreduce.map.output.compress", Bool, "false", [], "Whether what maps emit is compressed.";
    MAP_CODEC: "mapreduce.map.output.compress.codec", Text, "org.apache.hadoop.io.compress.DefaultCodec", [], "How.";
    PARALLEL_COPIES: "mapreduce.reduce.shuffle.parallelcopies", Int, "5", [], "Machines from which a reduce fetches at once.";
    REDUCE_BYTES: "mapreduce.reduce.memory.totalbytes", Int, "", [], "Bytes for a reduce's fetched outputs and merges; where not set, four fifths of `mapreduce.reduce.memory.mb`.";
    SHUFFLE_BUFFER: "mapreduce.reduce.shuffle.input.buffer.percent", Float, "0.7", [], "Part of that for fetched outputs.";
    SHUFFLE_MERGE: "mapreduce.reduce.shuffle.merge.percent", Float, "0.66", [], "Part of those at which they are merged to disk.";
    SHUFFLE_SINGLE: "mapreduce.reduce.shuffle.memory.limit.percent", Float, "0.25", [], "Part of those for one output at most; larger ones go to disk.";
    REDUCE_BUFFER: "mapreduce.reduce.input.buffer.percent", Float, "1.0", [], "Part of the memory that fetched outputs may keep while reducing (Hadoop's default is 0, for the sake of a heap that is not there).";
    SHUFFLE_CONNECT: "mapreduce.reduce.shuffle.connect.timeout", Int, "180000", [], "Milliseconds that a reduce tries to reach a machine.";
    SHUFFLE_READ: "mapreduce.reduce.shuffle.read.timeout", Int, "180000", [], "Milliseconds that it waits for bytes.";
    SHUFFLE_RETRY: "mapreduce.reduce.shuffle.retry-delay.max.ms", Int, "60000", [], "Longest pause in milliseconds after which a machine is tried again.";
    SHUFFLE_FETCH_FAILURES: "mapreduce.reduce.shuffle.maxfetchfailures", Int, "10", [], "Failed fetches of an output after which it is reported.";
    SHUFFLE_READ_ERRORS: "mapreduce.reduce.shuffle.notify.readerror", Bool, "true", [], "Whether what was cut while it was read is reported at once.";
    SHUFFLE_HOST_FAILURES: "mapreduce.reduce.shuffle.max-host-failures", Int, "5", [], "Failures of a machine after which all its outputs are reported.";
    FETCH_NOTIFICATIONS: "mapreduce.reduce.shuffle.max-fetch-failures-notifications", Int, "3", [], "Reduces that must complain of an output before its map runs again.";
    FETCH_FRACTION: "mapreduce.reduce.shuffle.max-fetch-failures-fraction", Float, "0.5", [], "Part of the fetching reduces that must complain.";
    LOCAL_MAPS: "mapreduce.local.map.tasks.maximum", Int, "", [], "Maps at once of a job in the client's process; where not set, as many as there are cores.";
    LOCAL_REDUCES: "mapreduce.local.reduce.tasks.maximum", Int, "", [], "Reduces at once of such a job; where not set, as many as there are cores.";
    LOCAL_DIRS: "mapreduce.cluster.local.dir", List, "", [], "Folders of what tasks keep; where not set, `mapred/local` below `hadoop.tmp.dir`.";

    // Streaming
    STREAM_MAP: "stream.map.streamprocessor", Text, "", [], "Set by a streaming job: the mapper's command, encoded as in an address.";
    STREAM_COMBINE: "stream.combine.streamprocessor", Text, "", [], "Set by a streaming job: the combiner's command.";
    STREAM_REDUCE: "stream.reduce.streamprocessor", Text, "", [], "Set by a streaming job: the reducer's command.";
    STREAM_MAP_INPUT: "stream.map.input", Text, "", [], "What the mapper's command reads: `text` (where not set), `rawbytes` or `typedbytes`.";
    STREAM_MAP_OUTPUT: "stream.map.output", Text, "", [], "What it writes.";
    STREAM_REDUCE_INPUT: "stream.reduce.input", Text, "", [], "What the reducer's command reads.";
    STREAM_REDUCE_OUTPUT: "stream.reduce.output", Text, "", [], "What it writes.";
    STREAM_MAP_WRITER: "stream.map.input.writer.class", Text, "", [], "Set by a streaming job: the class for that.";
    STREAM_MAP_READER: "stream.map.output.reader.class", Text, "", [], "Set by a streaming job: the class for that.";
    STREAM_REDUCE_WRITER: "stream.reduce.input.writer.class", Text, "", [], "Set by a streaming job: the class for that.";
    STREAM_REDUCE_READER: "stream.reduce.output.reader.class", Text, "", [], "Set by a streaming job: the class for that.";
    STREAM_MAP_INPUT_SEPARATOR: "stream.map.input.field.separator", Text, "", [], "What stands between key and value of the mapper's input; where not set, a tab.";
    STREAM_MAP_OUTPUT_SEPARATOR: "stream.map.output.field.separator", Text, "", [], "The same of its output.";
    STREAM_REDUCE_INPUT_SEPARATOR: "stream.reduce.input.field.separator", Text, "", [], "The same of the reducer's input.";
    STREAM_REDUCE_OUTPUT_SEPARATOR: "stream.reduce.output.field.separator", Text, "", [], "The same of its output.";
    STREAM_MAP_FIELDS: "stream.num.map.output.key.fields", Int, "1", [], "Fields of the mapper's output that are the key.";
    STREAM_REDUCE_FIELDS: "stream.num.reduce.output.key.fields", Int, "1", [], "Fields of the reducer's output that are the key.";
    STREAM_IGNORE_KEY: "stream.map.input.ignoreKey", Bool, "", [], "Whether the mapper gets values alone; where not set, it does for lines of text.";
    STREAM_EXIT: "stream.non.zero.exit.is.failure", Bool, "true", [], "Whether a command that does not exit with 0 fails its task.";
    STREAM_ENVIRONMENT: "stream.addenvironment", Text, "", [], "Variables of the commands' environment, `A=1 B=2`.";
    STREAM_TRUNCATE: "stream.jobconf.truncate.limit", Int, "-1", [], "Characters of a key's value in the environment; -1 means no limit.";
    STREAM_REPORTER: "stream.stderr.reporter.prefix", Text, "", [], "How lines for counters and status begin; where not set, `reporter:`.";
    STREAM_JOIN_DELAY: "stream.joindelay.milli", Int, "0", [], "Milliseconds that a command may go on after its input ended; 0 means as long as it wants.";
    STREAM_SKIP: "stream.minRecWrittenToEnableSkip_", Int, "", [], "Records after which a command that ends early did enough; where not set, none is.";
    STREAM_READER: "stream.recordreader.class", Text, "", [], "Reader of the input: `StreamXmlRecordReader`.";
    STREAM_READER_BEGIN: "stream.recordreader.begin", Text, "", [], "What a record begins with.";
    STREAM_READER_END: "stream.recordreader.end", Text, "", [], "What a record ends with.";
    REDACTED: "mapreduce.job.redacted-properties", Text, "", [], "Keys of a job's configuration whose values pages and REST do not show.";
    OUTPUT_FILTER: "mapreduce.client.output.filter", Text, "FAILED", [], "Which ends of attempts the job client tells of: NONE, KILLED, FAILED, SUCCEEDED or ALL.";
    STREAM_READER_SLOW: "stream.recordreader.slowmatch", Bool, "false", [], "Whether `begin` and `end` are patterns, looked for outside of CDATA sections.";
    STREAM_READER_MOST: "stream.recordreader.maxrec", Int, "50000", [], "Bytes of the longest element, where `slowmatch` is true.";
    STREAM_READER_AHEAD: "stream.recordreader.lookahead", Int, "", [], "Bytes that are looked at for signs of CDATA sections, where `slowmatch` is true; where not set, twice `maxrec`.";
    SKIP_RECORDS: "mapreduce.job.skiprecords", Bool, "false", [], "Whether each record is handed to a command at once.";
    CACHE_SYMLINKS: "mapreduce.job.cache.symlink.create", Bool, "", [], "Set in a job with a cache, as by Hadoop; links are always made.";

    // JobTracker
    JOBTRACKER: "mapreduce.jobtracker.address", Text, "", [], "Address of the JobTracker's calls, `host:port`; the daemons take `localhost:8021` where it is not set.";
    JOBTRACKER_HTTP: "mapreduce.jobtracker.http.address", Text, "0.0.0.0:50030", [], "Address of the JobTracker's web server.";
    SYSTEM_DIR: "mapreduce.jobtracker.system.dir", Text, "", [], "Folder of jobs that are not over; where not set, `mapred/system` below `hadoop.tmp.dir`.";
    STAGING_DIR: "mapreduce.jobtracker.staging.root.dir", Text, "", [], "Folder of what users hand in; where not set, `mapred/staging` below `hadoop.tmp.dir`.";
    SCHEDULER: "mapreduce.jobtracker.taskscheduler", Text, "", [], "`JobQueueTaskScheduler` (where not set), `FairScheduler` or `CapacityTaskScheduler`, with or without Hadoop's package.";
    YARN_SCHEDULER: "yarn.resourcemanager.scheduler.class", Text, "", [], "The same in YARN's words.";
    TRACKER_EXPIRY: "mapreduce.jobtracker.expire.trackers.interval", Int, "600000", [], "Milliseconds of silence after which a TaskTracker is lost, and its attempts with it.";
    HEARTBEATS: "mapreduce.jobtracker.heartbeats.interval.min", Int, "3000", [], "Milliseconds between heartbeats where nothing happens.";
    TRACKERS: "mapreduce.jobtracker.hosts.filename", Text, "", [], "File with the TaskTrackers that may register; where not set, all.";
    TRACKERS_EXCLUDED: "mapreduce.jobtracker.hosts.exclude.filename", Text, "", [], "File with those that may not.";
    MAX_BLACKLISTS: "mapreduce.jobtracker.tasktracker.maxblacklists", Int, "4", [], "Successful jobs that avoided a TaskTracker before all do.";
    FAULT_WINDOW: "mapreduce.jobtracker.blacklist.fault-timeout-window", Int, "180", [], "Minutes for which that counts.";
    JOURNAL_ATTEMPTS: "loxodon.jobtracker.journal.attempts", Int, "125", [], "Times that the JobTracker begins to write a job's journal, with pauses of up to 5 s, before the job fails.";
    MAX_TASKS: "mapreduce.jobtracker.maxtasks.perjob", Int, "-1", [], "Tasks of a job; -1 means no limit.";
    MAX_MAP_MEMORY: "mapreduce.jobtracker.maxmapmemory.mb", Int, "-1", [], "MiB that a map may ask for; -1 means no limit.";
    MAX_REDUCE_MEMORY: "mapreduce.jobtracker.maxreducememory.mb", Int, "-1", [], "MiB that a reduce may ask for; -1 means no limit.";
    RETIRE: "mapreduce.jobtracker.retirejob.interval", Int, "86400000", [], "Milliseconds for which a finished job is kept whole.";
    USER_JOBS: "mapreduce.jobtracker.completeuserjobs.maximum", Int, "100", [], "Finished jobs of a user that are kept whole.";
    RETIRED: "mapreduce.jobtracker.retiredjobs.cache.size", Int, "1000", [], "Jobs of which a summary is kept after that.";
    PREEMPT_DELAY: "mapreduce.job.reducer.preempt.delay.sec", Int, "5", [], "Seconds that maps wait for room before reduces of their job give it back (Hadoop's default is 0).";
    CLUSTER_ACLS: "mapreduce.cluster.acls.enabled", Bool, "false", [], "Whether lists of who may see and change jobs and queues are checked.";
    ADMINISTRATORS: "mapreduce.cluster.administrators", Text, "", [], "Users and groups who may do everything, as `user1,user2 group1,group2`.";
    QUEUES: "mapred.queue.names", List, "", [], "Queues of the scheduler that takes jobs in turn; `mapred.queue.NAME.state`, `.acl-submit-job` and `.acl-administer-jobs` say what each is. Where not set, `mapred-queues.xml` says it.";
    CAPACITY_APPLICATIONS: "yarn.scheduler.capacity.maximum-applications", Int, "", [], "Jobs of all queues of the Capacity Scheduler; where not set, 10000. `yarn.scheduler.capacity.PATH.queues`, `.capacity`, `.maximum-capacity`, `.state`, `.user-limit-factor`, `.minimum-user-limit-percent`, `.maximum-applications`, `.acl_submit_applications` and `.acl_administer_queue` say what each is.";
    FAIR_FILE: "mapred.fairscheduler.allocation.file", Text, "", [], "The Fair Scheduler's file of pools.";
    YARN_FAIR_FILE: "yarn.scheduler.fair.allocation.file", Text, "", [], "The same in YARN's words.";
    FAIR_PREEMPTION: "mapred.fairscheduler.preemption", Bool, "false", [], "Whether attempts are killed for pools that wait for their share.";
    FAIR_PREEMPTION_INTERVAL: "mapred.fairscheduler.preemption.interval", Int, "15000", [], "Milliseconds between looks at which pools wait for their share.";
    YARN_FAIR_PREEMPTION: "yarn.scheduler.fair.preemption", Bool, "false", [], "The same in YARN's words.";
    FAIR_POOL: "mapred.fairscheduler.pool", Text, "", [], "Pool of the job.";
    FAIR_POOL_PROPERTY: "mapred.fairscheduler.poolnameproperty", Text, "", [], "Key of the job that names its pool where that one does not; where not set, its user.";
    LOCALITY_DELAY: "mapred.fairscheduler.locality.delay", Int, "", [], "Milliseconds that a job waits for room beside its input, and as long again on its rack; where not set, half as much again as a heartbeat.";

    // History
    YARN_STAGING: "yarn.app.mapreduce.am.staging-dir", Text, "", [], "Folder below which histories lie; where not set, `/tmp/hadoop-yarn/staging`.";
    DONE_DIR: "mapreduce.jobhistory.done-dir", Text, "", [], "Folder of histories of finished jobs; where not set, `history/done` below that.";
    INTERMEDIATE_DIR: "mapreduce.jobhistory.intermediate-done-dir", Text, "", [], "Folder in which Java's application masters leave histories for the history server; where not set, `history/done_intermediate` below that.";
    HISTORY_MOVE: "mapreduce.jobhistory.move.interval-ms", Int, "180000", [], "Milliseconds between the history server's looks at it.";
    HISTORY_LISTED: "mapreduce.jobhistory.joblist.cache.size", Int, "20000", [], "Finished jobs in lists, the newest; older ones are found by their id.";
    HISTORY_LOADED: "mapreduce.jobhistory.loadedjobs.cache.size", Int, "5", [], "Jobs that the history server keeps as it read them.";
    HISTORY_ADDRESS: "mapreduce.jobhistory.address", Text, "0.0.0.0:10020", [], "`host:port` of the history server's calls, which it refuses by name.";
    HISTORY_WEB: "mapreduce.jobhistory.webapp.address", Text, "0.0.0.0:19888", [], "`host:port` of its pages and JSON.";
    HISTORY_ADMIN: "mapreduce.jobhistory.admin.address", Text, "0.0.0.0:10033", [], "`host:port` of `mapred hsadmin`'s calls.";
    HISTORY_ADMINS: "mapreduce.jobhistory.admin.acl", Text, "*", [], "Users and groups who may give it orders.";
    HISTORY_AGE: "mapreduce.jobhistory.max-age-ms", Int, "604800000", [], "Milliseconds for which they are kept.";
    HISTORY_CLEANER: "mapreduce.jobhistory.cleaner.enable", Bool, "true", [], "Whether older ones are removed.";
    HISTORY_CLEANER_INTERVAL: "mapreduce.jobhistory.cleaner.interval-ms", Int, "86400000", [], "Milliseconds between looks for them.";

    // TaskTracker
    TRACKER_HOST: "mapreduce.tasktracker.host.name", Text, "", [], "Name under which a TaskTracker registers; where not set, the machine's.";
    TRACKER_RACK: "mapreduce.tasktracker.network.location", Text, "", [], "Its rack; where not set, the JobTracker finds it.";
    TRACKER_HTTP: "mapreduce.tasktracker.http.address", Text, "0.0.0.0:50060", [], "Address of its web server.";
    TRACKER_REPORT: "mapreduce.tasktracker.report.address", Text, "127.0.0.1:0", [], "Address at which its tasks find it.";
    SHUFFLE_PORT: "mapreduce.shuffle.port", Int, "13562", [], "Port from which reduces fetch.";
    SHUFFLE_CONNECTIONS: "mapreduce.shuffle.max.connections", Int, "0", [], "Connections of reduces at once; 0 means 1000.";
    INDEX_CACHE: "mapreduce.reduce.shuffle.indexcache.mb", Int, "10", [], "MiB of spill indexes kept in memory.";
    MAP_SLOTS: "mapreduce.tasktracker.map.tasks.maximum", Int, "", [], "Maps at once on a TaskTracker; where not set, what memory and cores allow.";
    REDUCE_SLOTS: "mapreduce.tasktracker.reduce.tasks.maximum", Int, "", [], "Reduces at once; where not set, what memory and cores allow.";
    TRACKER_MEMORY: "yarn.nodemanager.resource.memory-mb", Int, "-1", [], "MiB for attempts; -1 means four fifths of the machine's.";
    TRACKER_CORES: "yarn.nodemanager.resource.cpu-vcores", Int, "-1", [], "Cores for attempts; -1 means the machine's.";
    MEMORY_CHECK: "yarn.nodemanager.pmem-check-enabled", Bool, "true", [], "Whether attempts that use more memory than they asked for are failed.";
    CONTROL_GROUP: "loxodon.tasktracker.cgroup", Text, "auto", [], "Where attempts get control groups (version 2) of their own, with `memory.max`, `pids.max` and `cpu.weight` where the kernel has these controllers there: `auto` is below the TaskTracker's own if the system lets it, `none` is nowhere, else a folder of the cgroup file system that was delegated to the TaskTracker and has no processes. Without them memory is measured.";
    ATTEMPT_PROCESSES: "loxodon.tasktracker.attempt.processes", Int, "0", [], "Processes and threads that an attempt may have, where its control group can limit them; 0 means no limit.";
    CACHE_SIZE: "mapreduce.tasktracker.cache.local.size", Int, "10737418240", [], "Bytes of the distributed cache beyond which unused files are removed.";
    SPACE_START: "mapreduce.tasktracker.local.dir.minspacestart", Int, "0", [], "Free bytes of local folders below which no attempt is taken.";
    HEALTH_SCRIPT: "mapreduce.tasktracker.healthchecker.script.path", Text, "", [], "Program that says whether the machine is well: a line that begins with `ERROR` says it is not.";
    HEALTH_INTERVAL: "mapreduce.tasktracker.healthchecker.interval", Int, "60000", [], "Milliseconds between its runs.";
    LOG_DIR: "hadoop.log.dir", Text, "", [], "Folder of logs; where not set, `HADOOP_LOG_DIR`, else `logs` below `hadoop.tmp.dir`.";
}
