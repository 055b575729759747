plugins {
    alias(libs.plugins.android.application)
    alias(libs.plugins.kotlin.android)
}

android {
    namespace = "kerascnn.demo"
    compileSdk = libs.versions.target.sdk.get().toInt()

    defaultConfig {
        applicationId = "kerascnn.demo"
        minSdk = libs.versions.min.sdk.get().toInt()
        targetSdk = libs.versions.target.sdk.get().toInt()
        versionCode = 1
        versionName = "0.1.0"
    }
    buildTypes {
        release {
            isMinifyEnabled = true
            proguardFiles("proguard-rules.pro")
        }
    }
    androidResources.noCompress += listOf("tflite", "onnx")
    testOptions.unitTests.isIncludeAndroidResources = true
    testOptions.unitTests.all {
        it.systemProperty("fixtures", rootDir.resolve("target/fixtures").path)
        it.systemProperty("litert", rootDir.resolve("target/litert").path)
    }
}

kotlin {
    jvmToolchain(17)
}

dependencies {
    implementation(project(":core"))
    implementation(libs.litert)
    implementation(libs.litert.gpu)
    implementation(libs.litert.gpu.api)
    implementation(libs.onnxruntime.android)
    testImplementation(libs.junit)
    testImplementation(libs.robolectric)
}
