internal import CheckpointFiles
internal import ParameterSurgery

/// Runs `body`, and makes an error of a room below the cause of one of this room.
///
/// - Throws: the error of `body`; ``FineTuningError/underlying`` has the one of the room below.
func wrapping<R: ~Copyable>(_ body: () throws -> R) throws(FineTuningError) -> R {
  do {
    return try body()
  } catch let error as FineTuningError {
    throw error
  } catch let error as CheckpointError {
    throw FineTuningError(error)
  } catch let error as SurgeryError {
    throw FineTuningError(error)
  } catch {
    throw FineTuningError(.file, "\(error)")
  }
}
