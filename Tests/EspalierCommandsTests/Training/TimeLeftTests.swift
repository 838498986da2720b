import Testing

@testable import EspalierCommands

@Suite("The time left for a run")
struct TimeLeftTests {
  @Test func `is what the plan expects before anything is measured`() {
    let time = TimeLeft(trunk: [8, 2], epochs: [5, 5, 5], done: 0, now: 100)
    #expect(time.seconds == 25)
    #expect(TimeLeft(trunk: [], epochs: [5, 5, 5], done: 2, now: 0).seconds == 5)
  }

  @Test func `follows the speed of the trunk first, and that of the steps when there are some`() {
    var time = TimeLeft(trunk: [8, 2], epochs: [5, 5], done: 0, now: 0)
    time.trunk(0.25, now: 4)
    time.trunk(0.75, now: 12)
    // Four expected seconds took eight.
    #expect(time.seconds == 2 * (2 + 2 + 10))
    time.trunk(1, now: 16)
    time.steps(0.5, of: 1, now: 17)
    // Half of the first epoch took one second, not two and a half.
    #expect(abs(time.seconds - (2 * 2 + 7.5 * 0.4)) < 1e-9)
    time.end(of: 1, now: 18)
    time.steps(1, of: 2, now: 20)
    time.end(of: 2, now: 20)
    #expect(time.seconds == 0)
  }

  @Test func `counts blocks of an interrupted trunk as done, but not as fast`() {
    var time = TimeLeft(trunk: [10, 0], epochs: [0], done: 0, now: 0)
    time.trunk(0.5, now: 0)
    #expect(time.seconds == 5)
    time.trunk(0.6, now: 3)
    #expect(abs(time.seconds - 12) < 1e-9)
  }

  @Test func `has a share that grows and never falls, from 0 to 1`() {
    var time = TimeLeft(trunk: [1, 1], epochs: [1, 1], done: 0, now: 0)
    var shares: [Double] = [time.share(now: 0)]
    for (event, now) in [(0.1, 1.0), (0.2, 40), (1, 41)] {
      time.trunk(event, now: now)
      shares.append(time.share(now: now))
    }
    for epoch in 1...2 {
      for step in [0.5, 1] {
        time.steps(step, of: epoch, now: 41 + Double(epoch) + step)
        shares.append(time.share(now: 41 + Double(epoch) + step))
      }
      time.end(of: epoch, now: 42.5 + Double(epoch))
    }
    shares.append(time.share(now: 45))
    #expect(shares == shares.sorted())
    #expect(shares.first == 0)
    #expect(shares.last == 1)
  }

  @Test func `survives figures without meaning`() {
    var time = TimeLeft(trunk: [0, 0], epochs: [0], done: 5, now: 0)
    time.trunk(7, now: 0)
    time.steps(3, of: 9, now: 0)
    time.end(of: 9, now: 0)
    #expect(time.seconds == 0)
    #expect(time.share(now: 0) == 0)
  }
}
