use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use web::Client;

use super::check_context::CheckContext;
use super::configs::Configs;
use super::engine::Engine;
use super::finding::Section;
use super::registry_check::RegistryCheck;
use super::report::Report;
use crate::context::Context;
use crate::image::Image;

/// The number of registries that are checked in parallel; most of the time is spent waiting for responses.
const AT_ONCE: usize = 16;

/// Asks registries side by side, and shows what each has answered as it comes.
pub(super) fn check(
    images: &[Image],
    configs: &Configs,
    failing_helpers: &HashSet<String>,
    engine: &Engine,
    context: &Context<'_>,
    report: &mut Report<'_>,
) {
    let check = CheckContext { setup: &context.setup, helpers: &context.helpers, configs, failing_helpers, engine };
    let next = AtomicUsize::new(0);
    let (sender, answers) = mpsc::channel();
    let mut sections: Vec<Option<Section>> = vec![None; images.len()];
    let work = |sender: mpsc::Sender<_>| {
        while let Some((nth, image)) = take(&next, images) {
            let _ = sender.send((nth, ask(image, &check)));
        }
    };
    std::thread::scope(|scope| {
        let work = &work;
        let start = |sender| std::thread::Builder::new().spawn_scoped(scope, move || work(sender)).is_ok();
        let started = (0..AT_ONCE.min(images.len())).filter(|_| start(sender.clone())).count();
        // No further thread can be started: one after the other, then.
        if started == 0 {
            work(sender.clone());
        }
        drop(sender);
        for (nth, section) in answers {
            report.show(&section);
            sections[nth] = Some(section);
        }
    });
    // A script finds them in the order of the config.
    sections.into_iter().flatten().for_each(|section| report.keep(section));
}

fn take<'a>(next: &AtomicUsize, images: &'a [Image]) -> Option<(usize, &'a Image)> {
    let nth = next.fetch_add(1, Ordering::Relaxed);
    images.get(nth).map(|image| (nth, image))
}

fn ask(image: &Image, check: &CheckContext<'_>) -> Section {
    let mut section = Section::about(format!("Registry {}", image.registry));
    let asked = Client::new(&check.setup.environment)
        .and_then(|client| web::run(RegistryCheck::new(image, &client, check).ask_all(&mut section)));
    if let Err(error) = asked {
        section.broken(error.what, error.hint.map(super::finding::Remedy::advice));
    }
    section
}
