//! Graph's enums, open: a word this version does not know is kept as it is and is never an error.
//! The known words are those of Microsoft's v1.0 schema.

use std::fmt;

macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)+
            /// A word this version does not know, as Graph wrote it.
            Other(String),
        }

        impl $name {
            /// The word as Graph writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

open_enum! {
    /// Who owns a device (`managedDeviceOwnerType`).
    OwnerType {
        /// Not told.
        Unknown = "unknown",
        /// The organisation.
        Company = "company",
        /// A person.
        Personal = "personal",
    }
}

open_enum! {
    /// Whether a device complies (`complianceState`).
    ComplianceState {
        /// Not told.
        Unknown = "unknown",
        /// It complies.
        Compliant = "compliant",
        /// It does not.
        Noncompliant = "noncompliant",
        /// Policies contradict each other.
        Conflict = "conflict",
        /// It could not be evaluated.
        Error = "error",
        /// Not compliant, but within its time of grace.
        InGracePeriod = "inGracePeriod",
        /// Configuration Manager decides.
        ConfigManager = "configManager",
    }
}

open_enum! {
    /// What Intune is doing with a device (`managementState`).
    ManagementState {
        /// Not told.
        Unknown = "unknown",
        /// Managed.
        Managed = "managed",
        /// A retire waits for the device.
        RetirePending = "retirePending",
        /// A retire failed.
        RetireFailed = "retireFailed",
        /// A wipe waits for the device.
        WipePending = "wipePending",
        /// A wipe failed.
        WipeFailed = "wipeFailed",
        /// Unhealthy.
        Unhealthy = "unhealthy",
        /// A delete waits.
        DeletePending = "deletePending",
        /// A retire was sent.
        RetireIssued = "retireIssued",
        /// A wipe was sent.
        WipeIssued = "wipeIssued",
        /// A wipe was cancelled.
        WipeCanceled = "wipeCanceled",
        /// A retire was cancelled.
        RetireCanceled = "retireCanceled",
        /// Seen, not managed yet.
        Discovered = "discovered",
    }
}

open_enum! {
    /// Through what a device is managed (`managementAgentType`).
    ManagementAgent {
        /// Not told.
        Unknown = "unknown",
        /// Exchange ActiveSync alone.
        Eas = "eas",
        /// MDM.
        Mdm = "mdm",
        /// Exchange ActiveSync and MDM.
        EasMdm = "easMdm",
        /// The Intune client.
        IntuneClient = "intuneClient",
        /// Exchange ActiveSync and the Intune client.
        EasIntuneClient = "easIntuneClient",
        /// Configuration Manager.
        ConfigurationManagerClient = "configurationManagerClient",
        /// Configuration Manager and MDM.
        ConfigurationManagerClientMdm = "configurationManagerClientMdm",
        /// Configuration Manager, MDM and Exchange ActiveSync.
        ConfigurationManagerClientMdmEas = "configurationManagerClientMdmEas",
        /// Jamf.
        Jamf = "jamf",
        /// Google's device policy controller.
        GoogleCloudDevicePolicyController = "googleCloudDevicePolicyController",
        /// Microsoft 365 MDM.
        Microsoft365ManagedMdm = "microsoft365ManagedMdm",
        /// Defender for Endpoint alone, which takes no MDM actions.
        MsSense = "msSense",
    }
}

open_enum! {
    /// How far an action has come (`actionState`).
    ActionState {
        /// Nothing is known.
        None = "none",
        /// It waits for the device.
        Pending = "pending",
        /// It was cancelled.
        Canceled = "canceled",
        /// The device is at it.
        Active = "active",
        /// The device reports it done.
        Done = "done",
        /// The device reports a failure.
        Failed = "failed",
        /// The device does not support it.
        NotSupported = "notSupported",
    }
}

open_enum! {
    /// The platform of a detected app (`detectedAppPlatformType`).
    Platform {
        /// Not told.
        Unknown = "unknown",
        /// Windows.
        Windows = "windows",
        /// Windows Mobile.
        WindowsMobile = "windowsMobile",
        /// Windows Holographic.
        WindowsHolographic = "windowsHolographic",
        /// iOS and iPadOS.
        Ios = "ios",
        /// macOS.
        MacOs = "macOS",
        /// ChromeOS.
        ChromeOs = "chromeOS",
        /// Android Open Source Project.
        AndroidOsp = "androidOSP",
        /// Android, device administrator.
        AndroidDeviceAdministrator = "androidDeviceAdministrator",
        /// Android, work profile.
        AndroidWorkProfile = "androidWorkProfile",
        /// Android, dedicated and fully managed.
        AndroidDedicatedAndFullyManaged = "androidDedicatedAndFullyManaged",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_not_known_is_kept() {
        let state = ManagementState::from("quarantinePending");
        assert_eq!(state, ManagementState::Other("quarantinePending".to_owned()));
        assert_eq!(state.to_string(), "quarantinePending");
        assert_eq!(ActionState::from("notSupported"), ActionState::NotSupported);
        assert_eq!(Platform::MacOs.as_str(), "macOS");
    }
}
