import EspalierCommands

@main
enum Main {
  static func main() { Program.main() }
}
