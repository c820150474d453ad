//! The simulator, with machines that do little and watch it.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::Ratio;

use super::*;

const MS: Duration = Duration::from_millis(1);
const NODES: usize = 3;

/// Every 10 ms it tells the next node a number, before it writes it and after.
struct Node {
    next: Duration,
    number: u64,
    /// What it was told: whether after the write, and the number.
    heard: Option<(bool, u64)>,
    was_told_of_loss: bool,
    /// By how much it was woken late.
    late: Duration,
}

impl Machine for Node {
    type Message = (bool, u64);
    type Record = u64;

    fn handle(&mut self, input: Input<(bool, u64)>, cx: &mut Context<'_, Self>) {
        self.heard = None;
        match input {
            Input::Message { message, .. } => self.heard = Some(message),
            Input::Wake => {
                assert!(cx.now() >= self.next, "too early");
                self.late = cx.now().saturating_sub(self.next);
                self.next = cx.now() + 10 * MS;
                self.number += 1;
                let to = (cx.node() + 1) % NODES;
                cx.send(to, (false, self.number));
                cx.write(self.number);
                cx.send(to, (true, self.number));
            }
        }
    }

    fn wakes(&self) -> Option<Duration> {
        Some(self.next)
    }
}

type Check = fn(&mut Seen, &View<'_, Node>) -> Result<(), String>;

struct Nodes {
    seen: Seen,
    check: Check,
}

#[derive(Debug, Default, PartialEq)]
struct Seen {
    /// What was heard in all, in order: by whom, and when.
    heard: Vec<(usize, Duration, (bool, u64))>,
    late: Duration,
    down: usize,
    losses: u64,
    marks: Vec<Vec<(Duration, Duration)>>,
}

impl Cluster for Nodes {
    type Machine = Node;

    fn size(&self) -> usize {
        NODES
    }

    fn boot(&mut self, birth: Birth<u64>) -> Node {
        let was_told_of_loss = *birth.store() == Store::Lost;
        self.seen.losses += u64::from(was_told_of_loss);
        let number = match birth.store() {
            Store::Kept(number) => number.unwrap_or(0),
            Store::Lost => 0,
        };
        assert!(birth.life() > 0 || *birth.store() == Store::Kept(None));
        Node {
            next: birth.now() + 10 * MS,
            number,
            heard: None,
            was_told_of_loss,
            late: Duration::ZERO,
        }
    }

    fn check(&mut self, view: &View<'_, Node>) -> Result<(), String> {
        let seen = &mut self.seen;
        let machines = (0..view.size()).map(|node| view.machine(node));
        seen.down = seen.down.max(machines.filter(Option::is_none).count());
        if let Some((node, machine)) = view.acted().and_then(|of| Some((of, view.machine(of)?))) {
            seen.late = seen.late.max(machine.late);
            let heard = machine.heard.map(|heard| (node, view.now(), heard));
            seen.heard.extend(heard);
        }
        (self.check)(seen, view)
    }
}

const NO_CHECK: Check = |_, _| Ok(());

fn seen(options: &Options, check: Check) -> (Seen, Tally) {
    let seen = Seen::default();
    match run(options, Nodes { seen, check }) {
        Ok(Ended { cluster, tally }) => (cluster.seen, tally),
        Err(failure) => panic!("{failure}"),
    }
}

fn percent(percent: u8) -> Ratio {
    Ratio::percent(percent).unwrap()
}

#[test]
fn the_same_options_are_the_same_run_and_another_seed_is_another() {
    let options = Options::drawn(5).lost(percent(10)).drift(percent(5));
    let once = seen(&options, NO_CHECK);
    assert!(once == seen(&options, NO_CHECK));
    assert!(once != seen(&options.with_seed(6), NO_CHECK));
}

#[test]
fn without_faults_everything_arrives_once_and_in_time() {
    let options = Options::calm_sea(1).delay(MS, 2 * MS);
    let (seen, tally) = seen(&options, NO_CHECK);
    assert_eq!(
        (tally.messages_lost(), tally.crashes(), seen.down),
        (0, 0, 0)
    );
    assert!(seen.late <= Duration::from_nanos(5), "{:?}", seen.late);
    for node in 0..NODES {
        let heard = seen.heard.iter().filter(|heard| heard.0 == node);
        let heard: BTreeSet<_> = heard.map(|heard| heard.2).collect();
        assert_eq!(
            heard.len(),
            2 * 999,
            "of ten seconds, and the last is on its way"
        );
    }
    let mut marks = seen.heard.iter().map(|heard| heard.1);
    assert!(marks.all(|at| (11 * MS..10_000 * MS).contains(&at)));
}

#[test]
fn a_torn_write_is_durable_or_not_and_what_comes_after_it_does_not_happen() {
    let options = Options::calm_sea(1).torn(percent(20)).down_max(20 * MS);
    let (seen, tally) = seen(&options, |_, view| {
        let durable = |node: usize| view.record(node).copied().unwrap_or(0);
        let heard = view
            .acted()
            .and_then(|of| Some((of, view.machine(of)?.heard?)));
        match heard {
            Some((of, (true, number))) if durable((of + NODES - 1) % NODES) < number => {
                Err(format!("{number} was told and is not durable"))
            }
            _ => Ok(()),
        }
    });
    assert!(tally.torn_writes() > 100 && tally.torn_writes() == tally.crashes());
    let told: BTreeSet<_> = seen.heard.iter().map(|heard| (heard.0, heard.2)).collect();
    let twice = seen.heard.len() - told.len();
    let unfinished = told
        .iter()
        .filter(|(by, (is_after, number))| !is_after && !told.contains(&(*by, (true, *number))));
    // Not durable: the next life told the number again. Durable: nobody told that it is.
    assert!(twice > 30, "{twice}");
    assert!(unfinished.count() > 30);
}

#[test]
fn crashes_take_one_node_or_all_and_lost_disks_are_told() {
    let options = Options::calm_sea(1).crash_every(200 * MS).down_max(MS);
    let (one, tally) = seen(&options, NO_CHECK);
    assert!(tally.crashes() > 50 && one.losses == 0 && one.down < NODES);
    let (all, tally) = seen(
        &options.crash_all(Ratio::ONE).lost(percent(50)),
        |_, view| {
            let lost = (0..NODES).filter(|&node| {
                let machine = view.machine(node);
                machine.is_some_and(|node| node.was_told_of_loss && node.number == 0)
            });
            let mut lost = lost.filter(|&node| view.record(node).is_some());
            lost.next()
                .map_or(Ok(()), |node| Err(format!("{node} has its disk")))
        },
    );
    assert_eq!(all.down, NODES);
    assert!(tally.disks_lost() == all.losses && all.losses * 3 > tally.crashes());
}

#[test]
fn who_pauses_or_is_busy_handles_late_and_then_all_in_one_go() {
    let options = Options::calm_sea(1)
        .pause_every(500 * MS)
        .pause_max(400 * MS);
    let (paused, tally) = seen(&options, NO_CHECK);
    assert!(tally.pauses() > 20 && paused.late > 200 * MS && paused.late < 1_200 * MS);
    let at_once = paused.heard.windows(10).any(|ten| ten[0].1 == ten[9].1);
    assert!(at_once, "what came for it in the pause");
    let options = Options::calm_sea(1).busy(percent(10)).busy_max(20 * MS);
    let (busy, _) = seen(&options, NO_CHECK);
    assert!(
        busy.late > 15 * MS && busy.late <= 100 * MS,
        "{:?}",
        busy.late
    );
    let (writing, _) = seen(&Options::calm_sea(1).write_max(15 * MS), NO_CHECK);
    assert!(
        writing.late > 4 * MS && writing.late < 20 * MS,
        "{:?}",
        writing.late
    );
}

/// How fast the clocks ran, between any two events.
fn rates(options: &Options) -> Vec<f64> {
    let (seen, _) = seen(options, |seen, view| {
        seen.marks.resize(NODES, Vec::new());
        for (node, marks) in seen.marks.iter_mut().enumerate() {
            marks.push((view.now(), view.clock(node)));
        }
        Ok(())
    });
    let pairs = seen.marks.iter().flat_map(|marks| marks.windows(2));
    let pairs = pairs.filter(|pair| pair[1].0.saturating_sub(pair[0].0) > MS);
    let rate = |pair: &[(Duration, Duration)]| {
        let shown = pair[1]
            .1
            .checked_sub(pair[0].1)
            .expect("no clock goes back");
        shown.as_secs_f64() / pair[1].0.saturating_sub(pair[0].0).as_secs_f64()
    };
    pairs.map(rate).collect()
}

#[test]
fn clocks_run_within_the_drift_and_change_and_stand_still_only_when_told() {
    let options = Options::calm_sea(3)
        .drift(percent(10))
        .pause_every(200 * MS);
    let running = rates(&options.clone().pause_max(5 * MS));
    let is_within = |rate: &f64| (0.899_999..1.100_001).contains(rate);
    assert!(running.iter().all(is_within));
    assert!(running.iter().any(|&rate| rate < 0.901) && running.iter().any(|&rate| rate > 1.099));
    let stopped = rates(&options.suspended(Ratio::ONE));
    assert!(stopped.contains(&0.0));
    assert!(
        rates(&Options::calm_sea(3))
            .iter()
            .all(|rate| (rate - 1.0).abs() < 1e-5)
    );
}

#[test]
fn when_the_faults_have_ended_nothing_new_goes_wrong() {
    for seed in 0..50 {
        let options = Options::drawn(seed).length(1_000 * MS).calm(500 * MS);
        let options = options.lost(percent(10)).late_max(Duration::MAX);
        let (seen, _) = seen(&options, |seen, view| {
            seen.late = Duration::ZERO; // of earlier
            match (0..NODES).find(|&node| view.machine(node).is_none()) {
                Some(node) if view.now() > 1_000 * MS => Err(format!("{node} is down")),
                _ => Ok(()),
            }
        });
        let calm = seen.heard.iter().filter(|heard| heard.1 > 1_010 * MS);
        let calm: BTreeSet<_> = calm.map(|heard| (heard.0, heard.2)).collect();
        assert!(calm.len() >= NODES * 2 * 47, "seed {seed}: {}", calm.len());
    }
}

#[test]
fn a_failure_comes_again_with_its_options_and_takes_no_fault_that_it_does_not_need() {
    let check: Check = |_, view| match view.machine(1).and_then(|node| node.heard) {
        _ if view.acted() != Some(1) => Ok(()),
        Some((true, number)) if view.now() > 50 * MS && view.record(0) != Some(&number) => {
            Err("told late".to_owned())
        }
        _ => Ok(()),
    };
    let nodes = |_: &Options| Nodes {
        seen: Seen::default(),
        check,
    };
    let options = |seed| Options::drawn(seed).late_max(200 * MS);
    let failure = search(0..100, options, nodes).unwrap_err();
    assert_eq!(failure.what(), "told late");
    assert_eq!(failure.faults().len(), 1, "{:?}", failure.faults());
    let told = failure.to_string();
    let seed = format!("with seed {}", failure.options().seed());
    assert!(
        told.contains(&seed) && told.contains("busy_max: 50ms"),
        "{told}"
    );
    assert!(
        failure
            .trace()
            .last()
            .is_some_and(|line| line.contains("1 Message"))
    );
    let again = run(failure.options(), nodes(failure.options())).unwrap_err();
    assert_eq!((again.what(), again.at()), (failure.what(), failure.at()));
    let none = search(0..3, Options::calm_sea, |_| Nodes {
        seen: Seen::default(),
        check: NO_CHECK,
    });
    assert_eq!(none.unwrap().runs(), 3);
}

/// Always wants to be woken at once; or ends its life at each wake-up.
struct Restless {
    crashes: bool,
}

impl Machine for Restless {
    type Message = ();
    type Record = ();

    fn handle(&mut self, _: Input<()>, cx: &mut Context<'_, Self>) {
        if self.crashes {
            cx.crash();
            cx.send(0, ());
            cx.write(());
        }
    }

    fn wakes(&self) -> Option<Duration> {
        Some(Duration::ZERO)
    }
}

impl Cluster for Restless {
    type Machine = Self;

    fn size(&self) -> usize {
        1
    }

    fn boot(&mut self, _: Birth<()>) -> Self {
        Self {
            crashes: self.crashes,
        }
    }

    fn check(&mut self, view: &View<'_, Self>) -> Result<(), String> {
        match view.record(0) {
            Some(()) => Err("it wrote after its end".to_owned()),
            None => Ok(()),
        }
    }
}

#[test]
fn a_run_without_end_is_a_failure_and_a_machine_may_end_its_life() {
    let options = Options::calm_sea(0).length(MS);
    let failure = run(&options, Restless { crashes: false }).unwrap_err();
    assert!(failure.what().starts_with("no end"), "{failure}");
    let options = Options::calm_sea(0).down_max(MS);
    let ended = run(&options, Restless { crashes: true }).unwrap();
    assert!(ended.tally.crashes() > 10_000 && ended.tally.messages() == 0);
}
