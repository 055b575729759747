#!/usr/bin/env bash
# Makes app/target/kerascnn-demo.apk from what `mvn -f android_demo/pom.xml package` left; make apk
# runs both. By aapt2, zipalign and apksigner of Debian and R8 of Maven, signed with a debug key.
set -euo pipefail
cd "$(dirname "$0")"
made=app/target/made
apk=app/target/apk
archives=libraries/target/unpacked
rm -rf "$apk"
mkdir -p "$apk/dex" "$apk/root"

for abi in arm64-v8a x86_64; do
    mkdir -p "$apk/root/lib/$abi"
    cp "$archives/tensorflow-lite/jni/$abi/"*.so "$apk/root/lib/$abi/"
done

jdk=$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")
mapfile -t classes < <(find app/target/classes core/target/classes -name '*.class')
java -cp "$made/tools/r8.jar" com.android.tools.r8.R8 --release --min-api 24 \
    --lib "$made/tools/android-all.jar" --lib "$jdk" --pg-conf app/proguard-rules.pro --output "$apk/dex" \
    "${classes[@]}" "$made/tools/kotlin-stdlib.jar" \
    "$archives/tensorflow-lite/classes.jar" "$archives/tensorflow-lite-api/classes.jar"
cp "$apk/dex/"*.dex "$apk/root/"

cp "$made/resources.ap_" "$apk/unaligned.apk"
(cd "$apk/root" && zip -q -r -0 ../unaligned.apk lib && zip -q ../unaligned.apk ./*.dex)
zipalign -f -p 4 "$apk/unaligned.apk" "$apk/aligned.apk"

key=app/target/debug.jks
[ -f "$key" ] || keytool -genkeypair -keystore "$key" -storepass android -keypass android \
    -alias debug -keyalg RSA -keysize 2048 -validity 9999 -dname CN=debug 2> /dev/null
apksigner sign --ks "$key" --ks-pass pass:android --key-pass pass:android \
    --out app/target/kerascnn-demo.apk "$apk/aligned.apk"
apksigner verify app/target/kerascnn-demo.apk
zipalign -c -p 4 app/target/kerascnn-demo.apk
methods=$(od -A n -t u4 -j 88 -N 4 "$apk/dex/classes.dex" | tr -d ' ')
echo "android_demo/app/target/kerascnn-demo.apk: $(stat -c %s app/target/kerascnn-demo.apk) bytes, $methods methods"
