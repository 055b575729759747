package kerascnn.demo

import android.Manifest
import android.app.Activity
import android.content.pm.PackageManager
import android.graphics.Bitmap
import android.graphics.SurfaceTexture
import android.os.Bundle
import android.view.TextureView
import android.widget.Button
import android.widget.TextView
import kerascnn.core.Orientation
import kerascnn.core.Problem
import kerascnn.core.StagedModel
import kerascnn.core.StagedModels

private const val PERMISSION = 1
private const val LONGEST_SIDE = 512

/** What the camera sees, labelled as fast as the model can; a button keeps the frame. */
class CameraActivity : Activity() {
    private val models = StagedModels { assets.open(it) }
    private val live get() = view<TextureView>(R.id.live)
    private var model: StagedModel? = null
    private var camera: LiveCamera? = null
    private var frame: Bitmap? = null
    private var isLabelling = false

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.camera)
        view<Button>(R.id.use).setOnClickListener { use() }
        try {
            val listed = models.list()
            model = listed.find { it.name == intent.getStringExtra(ClassifyActivity.MODEL) } ?: listed.first()
        } catch (problem: Problem) {
            return say(problem.localized(resources))
        }
        live.surfaceTextureListener = Frames()
        if (!isAllowed()) requestPermissions(arrayOf(Manifest.permission.CAMERA), PERMISSION)
    }

    override fun onRequestPermissionsResult(
        request: Int,
        permissions: Array<out String>,
        results: IntArray,
    ) {
        super.onRequestPermissionsResult(request, permissions, results)
        if (isAllowed()) open() else say(getString(R.string.error_permission))
    }

    override fun onResume() {
        super.onResume()
        open()
    }

    override fun onPause() {
        camera?.close()
        camera = null
        super.onPause()
    }

    private fun isAllowed() = checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED

    private fun open() {
        val surface = live.surfaceTexture
        if (surface == null || camera != null || !isAllowed()) return
        camera = LiveCamera(this, surface) { say(getString(R.string.error_camera)) }.also { it.open() }
    }

    /** Labels a frame unless another is being labelled. */
    private fun labelFrame() {
        val model = model ?: return
        if (isLabelling) return
        val scale = minOf(1f, LONGEST_SIDE.toFloat() / maxOf(live.width, live.height, 1))
        val taken = live.getBitmap((live.width * scale).toInt(), (live.height * scale).toInt()) ?: return
        isLabelling = true
        Background.run({ Labeller.label(models, model, Picture(taken, Orientation.UPRIGHT, 0)) }) { outcome ->
            isLabelling = false
            if (isDestroyed) return@run
            outcome.onSuccess { (classification, _) ->
                val best = classification.answers.first()
                frame = taken
                view<Button>(R.id.use).isEnabled = true
                val percent = "%.0f".format(100 * best.probability)
                say(getString(R.string.answer, best.label, percent) + "\n%.1f ms".format(classification.inference))
            }
            outcome.onFailure { say((it as? Problem ?: throw it).localized(resources)) }
        }
    }

    private fun use() {
        Pictures(this).keep(frame ?: return)
        setResult(RESULT_OK)
        finish()
    }

    private fun say(text: String) {
        view<TextView>(R.id.message).text = text
    }

    private inner class Frames : TextureView.SurfaceTextureListener {
        override fun onSurfaceTextureAvailable(
            surface: SurfaceTexture,
            width: Int,
            height: Int,
        ) = open()

        override fun onSurfaceTextureSizeChanged(
            surface: SurfaceTexture,
            width: Int,
            height: Int,
        ) = Unit

        override fun onSurfaceTextureDestroyed(surface: SurfaceTexture) = true

        override fun onSurfaceTextureUpdated(surface: SurfaceTexture) = labelFrame()
    }
}
