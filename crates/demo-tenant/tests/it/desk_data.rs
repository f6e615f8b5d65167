//! What the desk needs of a tenant: whole details, filters by lists of values, devices that are alike, names that mean harm, and
//! many rows.

use std::collections::HashSet;

use reqwest::StatusCode;
use serde_json::{Value, json};
use unlatch_demo_tenant::{HOSTILE_USER, Options, hostile_texts};

use crate::support::{Bench, encoded, quick};

const DEVICES: &str = "/deviceManagement/managedDevices";

const WIDE: &str = "id,manufacturer,managedDeviceName,emailAddress,phoneNumber,imei,wiFiMacAddress,ethernetMacAddress,\
azureADDeviceId,deviceCategoryDisplayName,notes,deviceEnrollmentType,isSupervised,isEncrypted,jailBroken,\
androidSecurityPatchLevel,complianceGracePeriodExpirationDateTime,totalStorageSpaceInBytes,freeStorageSpaceInBytes";

async fn filtered(bench: &Bench, filter: &str) -> Vec<Value> {
    bench.rows(&format!("{DEVICES}?$select=id,deviceName,serialNumber&$filter={}", encoded(filter))).await
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_single_read_fills_every_fact_that_some_device_has() {
    let bench = Bench::start().await;
    let mut filled = HashSet::new();
    for device in bench.tenant.directory().devices {
        let (status, whole) = bench.get(&format!("{DEVICES}/{}?$select={WIDE}", device.id)).await;
        assert_eq!(status, StatusCode::OK);
        assert!(whole["jailBroken"].is_string() && whole["totalStorageSpaceInBytes"].is_u64());
        for name in WIDE.split(',').filter(|name| !whole[*name].is_null() && whole[*name] != "") {
            filled.insert(name);
        }
    }
    let missing: Vec<&str> = WIDE.split(',').filter(|name| !filled.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?} are never filled");
}

#[tokio::test]
async fn notes_and_the_wired_address_are_told_by_a_single_read_that_selects_them_and_by_nothing_else() {
    let bench = Bench::start().await;
    let devices = bench.tenant.directory().devices;
    let with = devices.iter().find(|device| device.notes.is_some() && device.ethernet_mac.is_some()).unwrap();
    let (_, selected) = bench.get(&format!("{DEVICES}/{}?$select=notes,ethernetMacAddress", with.id)).await;
    assert_eq!(selected["notes"], json!(with.notes));
    assert_eq!(selected["ethernetMacAddress"], json!(with.ethernet_mac));
    let (_, usual) = bench.get(&format!("{DEVICES}/{}", with.id)).await;
    assert!(usual["notes"].is_null() && usual["ethernetMacAddress"].is_null());
    let listed = bench.rows(&format!("{DEVICES}?$select=id,notes,ethernetMacAddress,wiFiMacAddress")).await;
    assert!(listed.iter().all(|row| row["notes"].is_null() && row["ethernetMacAddress"].is_null()));
    assert!(listed.iter().any(|row| row["wiFiMacAddress"].is_string()));
}

#[tokio::test]
async fn devices_are_found_by_a_list_of_serial_numbers_and_by_one_name_or_user() {
    let bench = Bench::start().await;
    let rows =
        filtered(&bench, "serialNumber eq 'sn000012' or serialNumber eq 'SN000044' or serialNumber eq 'SN9'")
            .await;
    let serials: Vec<&str> = rows.iter().map(|row| row["serialNumber"].as_str().unwrap()).collect();
    assert_eq!(serials, ["SN000012", "SN000044"]);
    assert_eq!(filtered(&bench, "deviceName eq 'kiosk'").await.len(), 2, "two have one name");
    assert_eq!(filtered(&bench, "userPrincipalName eq 'user0003@contoso.example'").await.len(), 3);
    let across = "deviceName eq 'KIOSK' or serialNumber eq 'SN000012'";
    assert_eq!(filtered(&bench, across).await.len(), 200, "or across properties is ignored without a word");
    let names = "deviceName eq 'KIOSK' or deviceName eq 'IPADOS-00012'";
    assert_eq!(filtered(&bench, names).await.len(), 200, "or is not documented for names");
}

#[tokio::test]
async fn a_test_makes_devices_alike() {
    let bench = Bench::start().await;
    let directory = bench.tenant.directory();
    let (first, second) = (&directory.devices[4], &directory.devices[5]);
    assert!(bench.tenant.set_serial(&second.id, first.serial.as_deref()));
    let filter = format!("serialNumber eq '{}'", first.serial.as_deref().unwrap());
    assert_eq!(ids(&filtered(&bench, &filter).await), [&first.id, &second.id]);
    assert!(bench.tenant.rename_device(&second.id, &first.name));
    let filter = format!("deviceName eq '{}'", first.name);
    assert_eq!(ids(&filtered(&bench, &filter).await), [&first.id, &second.id]);

    assert!(bench.tenant.give_device(&second.id, Some("USER0001@contoso.example")));
    let given = bench.tenant.directory().device(&second.id).unwrap().clone();
    assert_eq!(given.user_id.as_deref(), Some(directory.users[0].id.as_str()));
    assert_eq!(given.user_display_name.as_deref(), Some("Ada Lind"));
    assert!(!bench.tenant.give_device(&second.id, Some("nobody@contoso.example")));
    assert!(bench.tenant.give_device(&second.id, None));
    assert_eq!(bench.tenant.directory().device(&second.id).unwrap().user_id, None);
    assert!(!bench.tenant.rename_device("unknown", "x") && !bench.tenant.set_serial("unknown", None));

    // As it is driven from another process.
    let url = bench.tenant.graph_url().join("/_demo/change-device").unwrap();
    let change = json!({ "device_id": second.id, "name": "Other", "user": "user0003@contoso.example" });
    let answer = bench.http.post(url.clone()).body(change.to_string()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let changed = bench.tenant.directory().device(&second.id).unwrap().clone();
    assert_eq!((changed.name.as_str(), &changed.serial), ("Other", &first.serial));
    assert_eq!(changed.user_display_name.as_deref(), Some("Zoë Ruiz"));
    let unknown = json!({ "device_id": "unknown", "name": "Other" });
    let answer = bench.http.post(url).body(unknown.to_string()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn hostile_names_lie_among_the_others_and_arrive_as_they_are() {
    let bench = Bench::with(Options { hostile: true, ..quick() }).await;
    let plain = Bench::start().await;
    let texts = hostile_texts();
    let directory = bench.tenant.directory();
    let count = texts.len();
    assert_eq!(directory.devices.len(), 200 + count);
    assert_eq!(
        directory.devices[0].id,
        plain.tenant.directory().devices[0].id,
        "the others stay as they are"
    );
    assert_eq!(directory.devices[3].name, texts[0], "they are not all at the end");

    let owner = directory.users.iter().find(|user| user.upn == HOSTILE_USER).unwrap();
    let rows = bench.rows(&format!("/users/{}/managedDevices?$select=deviceName", owner.id)).await;
    let names: Vec<&str> = rows.iter().map(|row| row["deviceName"].as_str().unwrap()).collect();
    assert_eq!(names, texts);
    let apps = bench.rows("/deviceManagement/detectedApps").await;
    let apps: HashSet<&str> = apps.iter().map(|app| app["displayName"].as_str().unwrap()).collect();
    assert!(texts.iter().all(|text| apps.contains(text.as_str())));

    for wanted in ["\u{202e}", "\u{200b}", "\u{2066}", "\0", "\r\n", "=HYPERLINK", "+cmd|", "<script>"] {
        assert!(texts.iter().any(|text| text.contains(wanted)), "{wanted:?}");
    }
    assert!(texts.iter().any(|text| text.chars().count() == 10_000));
    assert!(
        directory.devices.iter().any(|device| device.name == "IPADOS-00012"),
        "there is one to look like"
    );
    assert_eq!(texts.iter().collect::<HashSet<_>>().len(), count);
}

#[tokio::test]
async fn one_search_finds_all_devices_and_its_pages_hold_each_once() {
    let options = Options { device_prefix: "CONTOSO-".into(), devices: 5_000, apps: 0, ..quick() };
    let bench = Bench::with(options).await;
    let filter = encoded("contains(deviceName,'contoso-')");
    let mut next = Some(format!("{DEVICES}?$select=id&$count=true&$filter={filter}"));
    let (mut pages, mut seen) = (0, HashSet::new());
    while let Some(path) = next {
        let (_, body) = bench.get(&path).await;
        assert_eq!(body["@odata.count"], 5_000);
        seen.extend(ids(body["value"].as_array().unwrap()).into_iter().map(str::to_owned));
        pages += 1;
        let base = bench.tenant.graph_url().as_str();
        next = body["@odata.nextLink"].as_str().map(|link| link.strip_prefix(base).unwrap().to_owned());
    }
    assert_eq!((pages, seen.len()), (5, 5_000));

    // Half of the rows pass: a page is full all the same, and goes on where the one before ended.
    let filter = encoded("contains(deviceName,'IPADOS')");
    let (_, first) = bench.get(&format!("{DEVICES}?$select=id,deviceName&$top=100&$filter={filter}")).await;
    let base = bench.tenant.graph_url().as_str();
    let link = first["@odata.nextLink"].as_str().unwrap().strip_prefix(base).unwrap().to_owned();
    let (_, second) = bench.get(&link).await;
    let (_, both) = bench.get(&format!("{DEVICES}?$select=id,deviceName&$top=200&$filter={filter}")).await;
    let joined: Vec<Value> =
        [&first, &second].iter().flat_map(|page| page["value"].as_array().unwrap().clone()).collect();
    assert_eq!(joined.len(), 200);
    assert_eq!(json!(joined), both["value"]);
    let (_, skipped) =
        bench.get(&format!("{DEVICES}?$select=id,deviceName&$top=100&$skip=100&$filter={filter}")).await;
    assert_eq!(skipped["value"], second["value"]);
}
