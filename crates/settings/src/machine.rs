use crate::{Environment, Fingerprint};

impl Fingerprint {
    /// Adds the boot id, for a machine's own identity: it may be changed while the machine is off, and a clone of its
    /// disk must not take a token along.
    pub fn boot(&mut self) -> &mut Self {
        self.add("boot", boot_id().as_deref())
    }

    /// Adds the pod, inside Kubernetes: pods of one workload have the same files and variables, and pods of one node
    /// may share the kernel's keyring. Namespace and name of a pod determine its service account.
    pub fn pod(&mut self, environment: &Environment) -> &mut Self {
        if environment.raw("KUBERNETES_SERVICE_HOST").is_none() {
            return self;
        }
        let namespace = std::fs::read("/var/run/secrets/kubernetes.io/serviceaccount/namespace").ok();
        self.variable(environment, "HOSTNAME").add("namespace", namespace.as_deref())
    }
}

/// Linux only. <https://man7.org/linux/man-pages/man5/proc_sys_kernel.5.html>
fn boot_id() -> Option<Vec<u8>> {
    if cfg!(target_os = "linux") { std::fs::read("/proc/sys/kernel/random/boot_id").ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(variables: &[(&str, &str)]) -> String {
        Fingerprint::new().pod(&Environment::of(variables.iter().copied())).finish()
    }

    #[test]
    fn another_pod_is_another_fingerprint() {
        let cluster = ("KUBERNETES_SERVICE_HOST", "10.0.0.1");
        assert_ne!(pod(&[cluster, ("HOSTNAME", "a")]), pod(&[cluster, ("HOSTNAME", "b")]));
        assert_eq!(pod(&[("HOSTNAME", "a")]), pod(&[("HOSTNAME", "b")]), "a laptop may be renamed");
    }

    #[test]
    fn one_start_of_the_machine_is_one_fingerprint() {
        let once = Fingerprint::new().boot().finish();
        assert_eq!(once, Fingerprint::new().boot().finish());
        assert_eq!(once != Fingerprint::new().add("boot", None).finish(), cfg!(target_os = "linux"));
    }
}
