//! Full names of the Java exceptions that clients act on.

/// An operation that this server cannot do.
pub const UNSUPPORTED_OPERATION: &str = "java.lang.UnsupportedOperationException";
/// An argument that makes no sense.
pub const ILLEGAL_ARGUMENT: &str = "java.lang.IllegalArgumentException";
/// `HadoopIllegalArgumentException`.
pub const HADOOP_ILLEGAL_ARGUMENT: &str = "org.apache.hadoop.HadoopIllegalArgumentException";
/// Any other failure.
pub const IO: &str = "java.io.IOException";
/// The end of a file or stream came too soon.
pub const EOF: &str = "java.io.EOFException";
/// The path does not exist.
pub const FILE_NOT_FOUND: &str = "java.io.FileNotFoundException";
/// The user may not do this.
pub const ACCESS_CONTROL: &str = "org.apache.hadoop.security.AccessControlException";
/// The user may not connect, or not speak for another.
pub const AUTHORIZATION: &str = "org.apache.hadoop.security.authorize.AuthorizationException";
/// The server is not the active one: clients try the other.
pub const STANDBY: &str = "org.apache.hadoop.ipc.StandbyException";
/// Clients try again later.
pub const RETRIABLE: &str = "org.apache.hadoop.ipc.RetriableException";
/// The RPC layer itself failed.
pub const RPC_SERVER: &str = "org.apache.hadoop.ipc.RpcServerException";
/// The RPC layer itself failed and closes the connection.
pub const FATAL_RPC_SERVER: &str = "org.apache.hadoop.ipc.Server$FatalRpcServerException";
/// The server does not speak the protocol.
pub const NO_SUCH_PROTOCOL: &str = "org.apache.hadoop.ipc.RpcNoSuchProtocolException";
/// The protocol has no such call.
pub const NO_SUCH_METHOD: &str = "org.apache.hadoop.ipc.RpcNoSuchMethodException";
/// A protocol is spoken in another version.
pub const VERSION_MISMATCH: &str = "org.apache.hadoop.ipc.RPC$VersionMismatch";
/// The IPC layer does not understand its peer.
pub const IPC: &str = "org.apache.hadoop.ipc.IpcException";
/// The SASL negotiation went wrong.
pub const SASL: &str = "javax.security.sasl.SaslException";
/// A request does not parse.
pub const INVALID_PROTOCOL_BUFFER: &str =
    "org.apache.hadoop.thirdparty.protobuf.InvalidProtocolBufferException";
