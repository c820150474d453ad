//! What the patterns need to know of gRPC.
