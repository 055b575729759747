package kerascnn.demo

import android.app.Activity
import android.os.Bundle
import android.widget.TextView
import kerascnn.core.Contract
import kerascnn.core.Problem
import kerascnn.core.StagedModels
import java.text.NumberFormat

/** What the metadata of a model says: accuracy, checks, size, sha256. */
class AboutActivity : Activity() {
    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.about)
        val models = StagedModels { assets.open(it) }
        val wanted = intent.getStringExtra(ClassifyActivity.MODEL)
        view<TextView>(R.id.message).text =
            try {
                val listed = models.list()
                val model = listed.find { it.name == wanted } ?: listed.first()
                view<TextView>(R.id.title).text = model.file
                described(models.contract(model))
            } catch (problem: Problem) {
                problem.localized(resources)
            }
    }

    private fun described(contract: Contract): String {
        val input = contract.input
        val colors = getString(if (input.channels == 1) R.string.grey else R.string.color)
        val lines =
            mutableListOf(
                getString(R.string.recipe, contract.recipe, contract.made),
                getString(R.string.takes, input.height, input.width, colors),
            )
        contract.minimumRuntime?.let { lines.add(getString(R.string.needs, it)) }
        for (accuracy in contract.accuracies) {
            val share = getString(R.string.percent, "%.2f".format(100 * accuracy.share))
            lines.add(getString(R.string.accuracy, share, accuracy.images, accuracy.on))
        }
        lines.add(getString(R.string.size, contract.bytes, contract.sha256))
        lines.add("")
        lines.add(getString(R.string.checks))
        for (check in contract.checks) {
            val words = if (check.passed) R.string.check_passed else R.string.check_failed
            lines.add(
                getString(words, check.name, number(check.measured), check.comparison + " " + number(check.limit)),
            )
        }
        return lines.joinToString("\n")
    }

    private fun number(value: Double) = NumberFormat.getInstance().apply { maximumFractionDigits = 6 }.format(value)
}
