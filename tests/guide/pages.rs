//! The topics that are about no image.

use serde_json::Value;

use crate::home::{CLI, Home};

const PAGES: [&str; 8] = ["troubleshooting", "keychains", "wsl", "ci", "kubernetes", "robots", "switch", "limits"];

#[test]
fn topics_about_no_image_are_listed_printed_and_manual_pages() {
    let home = Home::new();
    let list = home.run(CLI, &["guide"], "");
    assert_eq!((list.code, list.stderr.as_str()), (0, ""), "{list:?}");
    let all: Vec<Value> = serde_json::from_str(&home.run(CLI, &["guide", "--json"], "").stdout).unwrap();
    let names: Vec<_> = all.iter().map(|page| page["topic"].as_str().unwrap()).collect();
    assert_eq!(names, PAGES);

    let folder = home.path("man");
    let man = home.run(CLI, &["man", folder.to_str().unwrap()], "");
    assert_eq!(man.code, 0, "{man:?}");
    for page in &all {
        let (name, title) = (page["topic"].as_str().unwrap(), page["title"].as_str().unwrap());
        assert!(list.stdout.contains(name) && list.stdout.contains(title), "{name}: {list:?}");
        let printed = home.run(CLI, &["guide", "--topic", name], "");
        let text = page["text"].as_str().unwrap().trim_end();
        assert_eq!((printed.code, printed.stdout), (0, format!("# {title}\n\n{text}\n")), "{name}");
        let manual = std::fs::read_to_string(folder.join(format!("credmint-{name}.7"))).unwrap();
        assert!(manual.contains(".SH DESCRIPTION"), "{name}: {manual}");
    }
}

#[test]
fn a_topic_about_an_image_asks_for_one() {
    let refused = Home::new().run(CLI, &["guide", "--topic", "build"], "");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("credmint guide --topic build ghcr.io/owner/app:1"), "{refused:?}");
    let both = Home::new().run(CLI, &["guide", "--topic", "limits", "ghcr.io/owner/app:1"], "");
    assert!(both.code == 0 && both.stdout.contains("## Known limits"), "{both:?}");
}
