internal import CEspalierKernels
internal import RealModule

/// Numbers of an AdamW step.
package struct AdamWStep: Sendable {
  /// The learning rate of this step.
  package var learningRate: Double
  /// The decay of the first moment.
  package var beta1: Double
  /// The decay of the second moment.
  package var beta2: Double
  /// Added to the corrected root of the second moment.
  package var epsilon: Double
  /// The decoupled weight decay.
  package var weightDecay: Double
  /// The step's number for this parameter, from 1.
  package var step: Int
  /// What gradients are multiplied by before anything else: 1, or the clip factor.
  package var gradientScale: Double

  /// A step with torch's defaults.
  package init(
    learningRate: Double, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
    weightDecay: Double = 0.01, step: Int, gradientScale: Double = 1
  ) {
    precondition(step >= 1, "steps count from 1")
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.step = step
    self.gradientScale = gradientScale
  }
}

extension Kernels {
  /// One AdamW step in torch's order: decay, moments, then the corrected update. All vectors have
  /// one count; everything but `gradient` is written.
  package func adamWStep(
    _ parameter: Vector, gradient: Vector, firstMoment: Vector, secondMoment: Vector,
    _ step: AdamWStep
  ) {
    let count = parameter.count
    precondition(gradient.count == count, "a gradient a parameter")
    precondition(firstMoment.count == count && secondMoment.count == count, "moments a parameter")
    precondition(
      parameter.buffer.isWritable && firstMoment.buffer.isWritable
        && secondMoment.buffer.isWritable, "the output is read-only")
    let numbers = espalier_adamw(
      decay: Float(1 - step.learningRate * step.weightDecay), beta1: Float(step.beta1),
      beta2: Float(step.beta2),
      step_size: Float(step.learningRate / (1 - Double.pow(step.beta1, Double(step.step)))),
      root_correction: Float((1 - Double.pow(step.beta2, Double(step.step))).squareRoot()),
      epsilon: Float(step.epsilon), gradient_scale: Float(step.gradientScale))
    overElements(count) { range in
      let start = range.lowerBound
      unsafe espalier_adamw_step(
        parameter.pointer + start, gradient.pointer + start, firstMoment.pointer + start,
        secondMoment.pointer + start, range.count, numbers)
    }
  }
}
