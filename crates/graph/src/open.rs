//! Graph's enums, open: a word this version does not know is kept as it is and is never an error. Case does not matter.
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
                    $(_ if text.eq_ignore_ascii_case($text) => Self::$variant,)+
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

impl ActionState {
    /// Returns whether nothing more is to come of the action. A word that is not known is no end.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Canceled | Self::Done | Self::Failed | Self::NotSupported)
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
        assert_eq!(ActionState::from("Removed"), ActionState::Other("Removed".to_owned()));
        assert_eq!(Platform::MacOs.as_str(), "macOS");
    }

    #[test]
    fn the_case_of_a_known_word_does_not_matter() {
        assert_eq!(ActionState::from("Pending"), ActionState::Pending);
        assert_eq!(ManagementState::from("WIPEPENDING"), ManagementState::WipePending);
        assert_eq!(ManagementAgent::from("mssense"), ManagementAgent::MsSense);
        assert_eq!(ComplianceState::from("Compliant"), ComplianceState::Compliant);
        assert_eq!(OwnerType::from("Company"), OwnerType::Company);
        assert_eq!(Platform::from("MACOS"), Platform::MacOs);
    }

    #[test]
    fn only_a_word_that_says_so_is_the_end_of_an_action() {
        for (word, is_final) in [
            ("done", true),
            ("Failed", true),
            ("notSupported", true),
            ("canceled", true),
            ("none", false),
            ("pending", false),
            ("active", false),
            ("newInSomeYear", false),
        ] {
            assert_eq!(ActionState::from(word).is_final(), is_final, "{word}");
        }
    }
}
