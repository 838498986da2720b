import Testing

@testable import ParameterSurgery
