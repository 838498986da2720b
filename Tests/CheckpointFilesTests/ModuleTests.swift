import Testing

@testable import CheckpointFiles
