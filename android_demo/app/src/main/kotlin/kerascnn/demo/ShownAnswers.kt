package kerascnn.demo

import android.os.Bundle
import kerascnn.core.Answer

/** What the screen of answers shows, in a form that outlives rotation and the process. */
class ShownAnswers(
    val answers: List<Answer>,
    val message: String,
    val latency: String,
    val engine: String,
) {
    /** Puts all of it into [state]. */
    fun save(state: Bundle) {
        state.putStringArray("labels", answers.map { it.label }.toTypedArray())
        state.putFloatArray("probabilities", answers.map { it.probability }.toFloatArray())
        state.putString("message", message)
        state.putString("latency", latency)
        state.putString("engine", engine)
    }

    companion object {
        /** What was saved, or null. */
        fun restore(state: Bundle?): ShownAnswers? {
            val labels = state?.getStringArray("labels") ?: return null
            val probabilities = state.getFloatArray("probabilities") ?: return null
            return ShownAnswers(
                labels.zip(probabilities.toTypedArray()).map { (label, probability) -> Answer(label, probability) },
                state.getString("message", ""),
                state.getString("latency", ""),
                state.getString("engine", ""),
            )
        }
    }
}
