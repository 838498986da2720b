internal import CheckpointFiles

/// The optimiser of `torch.optim.AdamW`, over the rows that train and nothing else.
///
/// In its order: decoupled decay first, then the moments, then the step with epsilon added after the
/// bias-corrected root. What is frozen has no state, no decay and no gradient.
package struct AdamW: Sendable, Hashable {
  package var learningRate: Double
  package var beta1 = 0.9
  package var beta2 = 0.999
  package var epsilon = 1e-8
  package var weightDecay = 0.01
  /// Which parameters decay.
  package var decay = TrainingOptions.DecayRule.all

  package init(learningRate: Double) { self.learningRate = learningRate }

  /// The decay of one parameter.
  package func weightDecay(of parameter: Parameter) -> Double {
    switch decay {
    case .all: weightDecay
    case .weights:
      parameter.name.ends(with: ".bias") || parameter.name.contains("LayerNorm.") ? 0 : weightDecay
    }
  }

  /// The Euclidean norm of all gradients together, in double precision and a fixed order.
  package static func gradientNorm(_ parameters: [Parameter], math: Kernels) -> Double {
    parameters.reduce(0) { sum, parameter in
      sum + (parameter.training.map { math.sumOfSquares($0.gradient.elements) } ?? 0)
    }.squareRoot()
  }

  /// The factor of `torch.nn.utils.clip_grad_norm_`: at most 1.
  package static func clipFactor(norm: Double, maximum: Double) -> Double {
    min(1, maximum / (norm + 1e-6))
  }

  /// One update of every parameter that trains, with gradients scaled by `gradientScale`; clears the
  /// gradients.
  ///
  /// - Parameter rate: the learning rate of this step.
  package func step(
    _ parameters: [Parameter], rate: (Parameter) -> Double, gradientScale: Double, math: Kernels
  ) {
    for parameter in parameters {
      guard let training = parameter.training else { continue }
      training.steps += 1
      for (rows, stacked) in parameter.ranges {
        math.adamWStep(
          parameter.values.rows(rows).elements, gradient: training.gradient.rows(stacked).elements,
          firstMoment: training.firstMoment.rows(stacked).elements,
          secondMoment: training.secondMoment.rows(stacked).elements,
          AdamWStep(
            learningRate: rate(parameter), beta1: beta1, beta2: beta2, epsilon: epsilon,
            weightDecay: weightDecay(of: parameter), step: training.steps,
            gradientScale: gradientScale))
      }
      training.gradient.fill(0)
    }
  }
}
