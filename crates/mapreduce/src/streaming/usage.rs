//! What a user is told of the options.

/// The options that every job takes.
pub(crate) const GENERIC_USAGE: &str = "\
Generic options supported are:
-conf <configuration file>        specify an application configuration file
-D <property=value>               define a value for a given property
-fs <file:///|hdfs://namenode:port> specify default filesystem URL to use, overrides 'fs.defaultFS' property from configurations.
-jt <local|jobtracker:port>       specify a JobTracker
-files <file1,...>                specify a comma-separated list of files to be copied to the map reduce cluster
-archives <archive1,...>          specify a comma-separated list of archives to be unarchived on the compute machines

The general command line syntax is:
command [genericOptions] [commandOptions]

";

/// The options of a streaming job.
pub(super) const USAGE: &str = "\
Usage: mapred streaming [options]
       mapred streaming dumptb <glob-pattern>   writes files to the standard output as typed bytes
       mapred streaming loadtb <path>           writes typed bytes from the standard input to a sequence file
Options:
  -input          <path> DFS input file(s) for the Map step.
  -output         <path> DFS output directory for the Reduce step.
  -mapper         <cmd|JavaClassName> Optional. Command to be run as mapper.
  -combiner       <cmd|JavaClassName> Optional. Command to be run as combiner.
  -reducer        <cmd|JavaClassName> Optional. Command to be run as reducer.
  -file           <file> Optional. File/dir to be shipped with the job.
                  Deprecated. Use generic option \"-files\" instead.
  -inputformat    <TextInputFormat(default)|SequenceFileAsTextInputFormat|JavaClassName>
                  Optional. The input format class.
  -outputformat   <TextOutputFormat(default)|JavaClassName>
                  Optional. The output format class.
  -partitioner    <JavaClassName>  Optional. The partitioner class.
  -numReduceTasks <num> Optional. Number of reduce tasks.
  -inputreader    <spec> Optional. Input recordreader spec.
  -cmdenv         <n>=<v> Optional. Pass env.var to streaming commands.
  -mapdebug       <cmd> Optional. To run this script when a map task fails, on a cluster.
  -reducedebug    <cmd> Optional. To run this script when a reduce task fails, on a cluster.
  -io             <identifier> Optional. Format to use for input to and output
                  from mapper/reducer commands: text, rawbytes, typedbytes, keyonlytext
  -lazyOutput     Optional. Lazily create Output.
  -background     Optional. Submit the job and don't wait till it completes.
  -verbose        Optional. Print verbose output.
  -info           Optional. Print detailed usage.
  -help           Optional. Print help message.

";

/// What `-info` adds.
pub(super) const DETAILS: &str = "
Java class names stand for the formats, partitioners, mappers and reducers of Hadoop's own libraries that are known
here; others are refused.

Records: with text, the part of a line before the first TAB is the key and the rest the value.
  -D stream.map.output.field.separator=.   -D stream.num.map.output.key.fields=4
  -D stream.reduce.output.field.separator=. -D stream.num.reduce.output.key.fields=2
  -D stream.map.input.ignoreKey=true       leaves the key out of what a mapper reads

Commands are started in the task's working directory, where the files of -files and -archives are. A word that
names no file there is looked up on PATH. Words are cut at blanks, except within quotes of either kind.
The job's configuration is in their environment, with underscores for what a name cannot have.

Lines on the standard error stream are for the framework where they begin with
  reporter:counter:<group>,<counter>,<amount>
  reporter:status:<message>
and are kept in the task's log otherwise (-D stream.stderr.reporter.prefix=... changes the beginning).

  -numReduceTasks 0 or -reducer NONE       the maps' output is the job's
  -reducer aggregate                       keys say how values are put together: LongValueSum:key
  -D stream.non.zero.exit.is.failure=false a command that exits with another code than 0 has not failed
  -D stream.jobconf.truncate.limit=-1      longest value in the environment

Scripts for failed tasks are run in the task's working directory with the files of its stdout, stderr and syslog and the
job's configuration as arguments; what they say is in the task's diagnostics and its log \"debugout\".

Exit codes: 0 the job succeeded; 1 it failed, or the options are wrong; 2 a file that it needs is missing; 3 the
configuration makes no sense; 5 it could not be handed in: there is no input, or the output is there already.
";
