# Spring Boot buildpacks
# wirings: helpers store entries
# slow: 900
. "$CLIENTS/matrix.sh"
. "$CLIENTS/java.sh"
direct_engine
pulls() { engine_pulls on_java SpringBootClient "$@" -- "$@"; }
fault empty-entry 'entries/anonymous/!(ACR|own)'
matrix
