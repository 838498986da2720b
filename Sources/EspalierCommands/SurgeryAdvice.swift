import ParameterSurgery

extension SurgeryError {
  /// The sentence with the advice as the command line gives it.
  var sentence: String {
    switch advice {
    case .edit?: "\(description); change one of them with espalier edit first"
    case .dropOrRename?: "\(description); drop or rename one of them with espalier edit first"
    case .didYouMean?, nil: description
    }
  }
}
