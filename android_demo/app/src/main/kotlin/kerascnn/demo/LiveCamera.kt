package kerascnn.demo

import android.annotation.SuppressLint
import android.content.Context
import android.graphics.SurfaceTexture
import android.hardware.camera2.CameraAccessException
import android.hardware.camera2.CameraCaptureSession
import android.hardware.camera2.CameraCharacteristics
import android.hardware.camera2.CameraDevice
import android.hardware.camera2.CameraManager
import android.os.Handler
import android.os.Looper
import android.view.Surface

private const val WIDTH = 1280 // sizes that every camera of Android has
private const val HEIGHT = 720

/** The back camera, or the first there is, drawn into [texture]; [whenFailed] may come at any time. */
class LiveCamera(
    context: Context,
    private val texture: SurfaceTexture,
    private val whenFailed: () -> Unit,
) {
    private val manager = checkNotNull(context.getSystemService(CameraManager::class.java))
    private val main = Handler(Looper.getMainLooper())
    private var device: CameraDevice? = null
    private var isClosed = false

    /** Opens the camera; the permission was asked for before. */
    @SuppressLint("MissingPermission")
    fun open() {
        try {
            val ids = manager.cameraIdList
            val id = ids.firstOrNull(::looksAway) ?: ids.firstOrNull() ?: return whenFailed()
            manager.openCamera(id, Opening(), main)
        } catch (_: CameraAccessException) {
            whenFailed()
        } catch (_: SecurityException) {
            whenFailed()
        }
    }

    /** Gives the camera back. */
    fun close() {
        isClosed = true
        device?.close()
        device = null
    }

    private fun looksAway(id: String) =
        manager.getCameraCharacteristics(id).get(CameraCharacteristics.LENS_FACING) ==
            CameraCharacteristics.LENS_FACING_BACK

    private inner class Opening : CameraDevice.StateCallback() {
        override fun onOpened(camera: CameraDevice) {
            if (isClosed) return camera.close()
            device = camera
            texture.setDefaultBufferSize(WIDTH, HEIGHT)
            val surface = Surface(texture)
            try {
                @Suppress("DEPRECATION") // what replaces it needs Android 9
                camera.createCaptureSession(listOf(surface), Showing(camera, surface), main)
            } catch (_: CameraAccessException) {
                whenFailed()
            }
        }

        override fun onDisconnected(camera: CameraDevice) = onError(camera, 0)

        override fun onError(
            camera: CameraDevice,
            error: Int,
        ) {
            close()
            whenFailed()
        }
    }

    private inner class Showing(
        private val camera: CameraDevice,
        private val surface: Surface,
    ) : CameraCaptureSession.StateCallback() {
        override fun onConfigured(session: CameraCaptureSession) {
            if (isClosed) return
            try {
                val request = camera.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW)
                request.addTarget(surface)
                session.setRepeatingRequest(request.build(), null, main)
            } catch (_: CameraAccessException) {
                whenFailed()
            }
        }

        override fun onConfigureFailed(session: CameraCaptureSession) = whenFailed()
    }
}
