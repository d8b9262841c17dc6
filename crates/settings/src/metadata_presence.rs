use std::time::Duration;

use registry::Cloud;

/// Whether this machine can have a cloud's metadata service.
///
/// On any other machine nothing responds at its address, and waiting for it would delay every mint on a laptop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataPresence {
    /// According to the firmware this is one of the cloud's machines: if the service does not respond, it is busy or
    /// has not started yet.
    Certain,
    /// Its address is configured.
    Configured,
    /// The firmware does not identify the machine.
    Unknown,
    /// According to the firmware this is another machine; there may be an emulator all the same.
    Unlikely,
}

impl MetadataPresence {
    /// By the configuration, else by the firmware.
    pub fn of(cloud: Cloud, is_named: bool) -> Self {
        if is_named { MetadataPresence::Configured } else { Firmware::read().presence(cloud) }
    }

    /// The timeout of connecting. The clouds' services are one hop away and accept at once, however busy they are;
    /// without one, a firewall may drop the packets.
    pub fn connect_limit(self) -> Duration {
        Duration::from_millis(match self {
            MetadataPresence::Certain | MetadataPresence::Configured => 1_000,
            MetadataPresence::Unknown => 250,
            MetadataPresence::Unlikely => 150,
        })
    }
}

/// The manufacturer of this machine in the firmware.
#[derive(Default)]
struct Firmware {
    vendor: Option<String>,
    product: Option<String>,
    bios_vendor: Option<String>,
    bios_version: Option<String>,
    /// On Windows, only native code could read it.
    chassis_tag: Option<String>,
}

/// The same on every machine of Azure, and on no other machine of Hyper-V.
/// <https://github.com/canonical/cloud-init/blob/main/cloudinit/sources/DataSourceAzure.py>
const AZURE_CHASSIS: &str = "7783-7084-3265-9085-8269-3286-77";

impl Firmware {
    fn presence(&self, cloud: Cloud) -> MetadataPresence {
        let says = |field: &Option<String>, text: &str| field.as_deref() == Some(text);
        if self.vendor.is_none() && self.product.is_none() {
            // Macs belong to their users; the metadata service of those of EC2 responds at once.
            return if cfg!(target_os = "macos") { MetadataPresence::Unlikely } else { MetadataPresence::Unknown };
        }
        let is_clouds = match cloud {
            // <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/identify_ec2_instances.html>
            Cloud::Aws => {
                let of_xen = self.bios_version.as_ref().is_some_and(|version| version.contains("amazon"));
                says(&self.vendor, "Amazon EC2") || says(&self.bios_vendor, "Amazon EC2") || of_xen
            }
            Cloud::Azure => {
                let of_hyper_v = says(&self.vendor, "Microsoft Corporation") && says(&self.product, "Virtual Machine");
                if of_hyper_v && self.chassis_tag.is_none() {
                    return MetadataPresence::Unknown;
                }
                says(&self.chassis_tag, AZURE_CHASSIS)
            }
            // <https://cloud.google.com/compute/docs/instances/detect-compute-engine>
            Cloud::Google => says(&self.product, "Google Compute Engine") || says(&self.product, "Google"),
            Cloud::GitHub => false,
        };
        if is_clouds { MetadataPresence::Certain } else { MetadataPresence::Unlikely }
    }

    /// As the kernel shows it: <https://docs.kernel.org/admin-guide/abi-stable.html>, `/sys/class/dmi/id`.
    #[cfg(target_os = "linux")]
    fn read() -> Self {
        let read = |name: &str| {
            let text = std::fs::read_to_string(format!("/sys/class/dmi/id/{name}")).ok()?;
            Some(text.trim().to_owned()).filter(|text| !text.is_empty())
        };
        Firmware {
            vendor: read("sys_vendor"),
            product: read("product_name"),
            bios_vendor: read("bios_vendor"),
            bios_version: read("bios_version"),
            chassis_tag: read("chassis_asset_tag"),
        }
    }

    /// As Windows copies it into the registry when it starts.
    #[cfg(windows)]
    fn read() -> Self {
        let Ok(bios) = windows_registry::LOCAL_MACHINE.open(r"HARDWARE\DESCRIPTION\System\BIOS") else {
            return Firmware::default();
        };
        let read = |name: &str| bios.get_string(name).ok().map(|text| text.trim().to_owned());
        Firmware {
            vendor: read("SystemManufacturer"),
            product: read("SystemProductName"),
            bios_vendor: read("BIOSVendor"),
            bios_version: read("BIOSVersion"),
            chassis_tag: None,
        }
    }

    #[cfg(not(any(target_os = "linux", windows)))]
    fn read() -> Self {
        Firmware::default()
    }
}

#[cfg(test)]
mod tests {
    use MetadataPresence::{Certain, Unknown, Unlikely};

    use super::*;

    #[test]
    fn the_firmware_identifies_the_cloud_of_a_machine() {
        let tag = AZURE_CHASSIS;
        for (vendor, product, bios, chassis, expected) in [
            ("Amazon EC2", "m7g.large", "1.0", "Amazon EC2", [Certain, Unlikely, Unlikely]),
            ("Xen", "HVM domU", "4.11.amazon", "", [Certain, Unlikely, Unlikely]),
            ("Xen", "HVM domU", "4.17", "", [Unlikely; 3]),
            ("Microsoft Corporation", "Virtual Machine", "Hyper-V", tag, [Unlikely, Certain, Unlikely]),
            ("Microsoft Corporation", "Virtual Machine", "Hyper-V", "1234-5678", [Unlikely; 3]),
            ("Microsoft Corporation", "Virtual Machine", "Hyper-V", "", [Unlikely, Unknown, Unlikely]),
            ("Microsoft Corporation", "Surface Laptop 5", "1.2", "", [Unlikely; 3]),
            ("Google", "Google Compute Engine", "Google", "", [Unlikely, Unlikely, Certain]),
            ("Google", "Eve", "coreboot", "", [Unlikely; 3]),
            ("LENOVO", "21HD", "N3QET", "No Asset Information", [Unlikely; 3]),
            ("QEMU", "Standard PC", "1.16", "", [Unlikely; 3]),
        ] {
            let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            let firmware = Firmware {
                vendor: text(vendor),
                product: text(product),
                bios_vendor: None,
                bios_version: text(bios),
                chassis_tag: text(chassis),
            };
            let presences = [Cloud::Aws, Cloud::Azure, Cloud::Google].map(|cloud| firmware.presence(cloud));
            assert_eq!(presences, expected, "{vendor} {product}");
        }
        let silent = Firmware::default().presence(Cloud::Aws);
        assert_eq!(silent, if cfg!(target_os = "macos") { Unlikely } else { Unknown });
        assert_eq!(MetadataPresence::of(Cloud::Google, true), MetadataPresence::Configured);
    }
}
