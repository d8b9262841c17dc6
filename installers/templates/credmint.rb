# Homebrew: https://docs.brew.sh/Formula-Cookbook
class Credmint < Formula
  desc "Docker credentials from the identity this machine already has"
  homepage "@home@"
  version "@version@"
  license any_of: ["Apache-2.0", "MIT"]

  on_macos do
    on_arm do
      url "@base@/credmint-@version@-aarch64-apple-darwin.tar.xz"
      sha256 "@sha256:aarch64-apple-darwin@"
    end
    on_intel do
      url "@base@/credmint-@version@-x86_64-apple-darwin.tar.xz"
      sha256 "@sha256:x86_64-apple-darwin@"
    end
  end
  on_linux do
    on_arm do
      url "@base@/credmint-@version@-aarch64-unknown-linux-musl.tar.xz"
      sha256 "@sha256:aarch64-unknown-linux-musl@"
    end
    on_intel do
      url "@base@/credmint-@version@-x86_64-unknown-linux-musl.tar.xz"
      sha256 "@sha256:x86_64-unknown-linux-musl@"
    end
  end

  def install
    bin.install Dir["bin/*"]
    man1.install Dir["share/man/man1/*"]
    man7.install Dir["share/man/man7/*"]
    bash_completion.install "share/bash-completion/completions/credmint"
    zsh_completion.install "share/zsh/site-functions/_credmint"
    fish_completion.install "share/fish/vendor_completions.d/credmint.fish"
    doc.install Dir["share/doc/credmint/*"]
  end

  def caveats
    "Tell Docker about it: credmint configure"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/credmint --version")
    assert_match "(credmint)", shell_output("#{bin}/docker-credential-credmint version")
  end
end
