/*
 * The entry point of the image: looks whether threads can be started here, and becomes Node.
 *
 * The C library starts threads with clone3. Runtimes of the age of docker 20.10.9 have a seccomp profile that knows no clone3 and
 * answers EPERM, where the C library would need ENOSYS to take the older call. Node then dies before its first line of
 * JavaScript, with an assertion that tells nobody what to do. This says it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_clone3
#define SYS_clone3 435
#endif

/* As `meshbridge` ends when its surroundings are set up wrongly (EX_CONFIG). */
static const int exit_config = 78;

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "launch: nothing to start\n");
    return exit_config;
  }
  /* Arguments of size 0 start nothing: where the call is allowed it fails with EINVAL, on kernels before 5.3 with ENOSYS. */
  if (syscall(SYS_clone3, NULL, 0) == -1 && errno == EPERM) {
    fprintf(stderr,
            "meshbridge: this container runtime forbids clone3, with which threads are started: its seccomp profile is of the age of "
            "docker before 20.10.10. Update the runtime, or run this container without a profile: kustomize component "
            "deploy/kubernetes/components/old-runtime, Helm value oldRuntime=true (both set seccompProfile.type to Unconfined), or "
            "docker run --security-opt seccomp=unconfined.\n");
    return exit_config;
  }
  execv(argv[1], argv + 1);
  fprintf(stderr, "launch: %s cannot be started: %s\n", argv[1], strerror(errno));
  return 1;
}
