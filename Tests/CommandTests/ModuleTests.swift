import Testing

@testable import espalier
