//! One cycle of the soak, without what takes time to measure.

use std::process::Command;

use unlatch_e2e::Failure;

#[test]
#[ignore = "needs the window: cargo xtask test runs it"]
fn after_a_cycle_of_calls_and_an_incident_with_faults_the_journal_and_the_tenant_tell_the_same()
-> Result<(), Failure> {
    let output = Command::new(unlatch_e2e::built("unlatch-soak")?).arg("--quick").output()?;
    let words =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{words}");
    println!("{words}");
    Ok(())
}
