# nix profile install: the programs of the release, which are static.
{
  description = "Docker credentials from the identity this machine already has";
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
  outputs =
    { self, nixpkgs }:
    let
      archives = {
        x86_64-linux = { target = "x86_64-unknown-linux-musl"; sha256 = "@sha256:x86_64-unknown-linux-musl@"; };
        aarch64-linux = { target = "aarch64-unknown-linux-musl"; sha256 = "@sha256:aarch64-unknown-linux-musl@"; };
        x86_64-darwin = { target = "x86_64-apple-darwin"; sha256 = "@sha256:x86_64-apple-darwin@"; };
        aarch64-darwin = { target = "aarch64-apple-darwin"; sha256 = "@sha256:aarch64-apple-darwin@"; };
      };
      package =
        system: archive:
        let
          pkgs = nixpkgs.legacyPackages.${system};
        in
        pkgs.stdenvNoCC.mkDerivation {
          pname = "credmint";
          version = "@version@";
          src = pkgs.fetchurl {
            url = "@base@/credmint-@version@-${archive.target}.tar.xz";
            inherit (archive) sha256;
          };
          installPhase = "mkdir -p $out && cp -r bin share $out/";
          meta.license = with pkgs.lib.licenses; [ asl20 mit ];
          meta.mainProgram = "credmint";
        };
    in
    {
      packages = builtins.mapAttrs (system: archive: { default = package system archive; }) archives;
    };
}
