"""What runs inside an interpreter: the zygote, the replica and its loops. Nothing here is imported by clients."""
