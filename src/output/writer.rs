//! Writing calls as they come: every call once and every revision of it once.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;

use serde::Serialize;

use super::follow::{FollowProgress, Follower};
use super::format::RecordFormat;
use super::late_spans::LateSpans;
use super::record::Record;
use super::reports::StatsReporter;
use super::spans::{SpanExplainer, SpanExplanation};
use super::stats::RunStats;
use crate::call::{CallId, LlmCall};
use crate::collector::{Calls, Snapshot};
use crate::query::filter::Filter;

/// What was written, and what could not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WriteCounts {
    /// Calls, each counted once.
    #[serde(rename = "calls_written")]
    pub calls: u64,
    /// Further records of calls that were completed later.
    #[serde(rename = "revisions_written")]
    pub revisions: u64,
    /// Records that took a call back.
    #[serde(rename = "calls_taken_back")]
    pub taken_back: u64,
    /// Calls that were evicted before they could be written.
    #[serde(rename = "calls_missed")]
    pub missed: u64,
}

impl WriteCounts {
    /// What to tell the user if calls are missing from the output.
    pub fn loss(self) -> Option<String> {
        let Self { calls, missed, .. } = self;
        let told =
            || format!("{missed} calls were evicted before they could be written ({calls} were); raise --capacity");
        (missed > 0).then(told)
    }
}

/// Which of the kept calls were written: a revision is due to whoever has the call, whatever a filter says of it now.
#[derive(Debug, Default)]
struct Written {
    /// Id of the first flag.
    first: u64,
    flags: VecDeque<bool>,
}

impl Written {
    fn add(&mut self, id: CallId) {
        let Some(at) = self.place(id) else { return };
        if self.flags.len() <= at {
            self.flags.resize(at + 1, false);
        }
        if let Some(flag) = self.flags.get_mut(at) {
            *flag = true;
        }
    }

    fn contains(&self, id: CallId) -> bool {
        self.place(id).and_then(|at| self.flags.get(at)).copied().unwrap_or(false)
    }

    fn forget_before(&mut self, id: CallId) {
        let gone = self.place(id).unwrap_or(0).min(self.flags.len());
        self.flags.drain(..gone);
        self.first = self.first.max(id.0);
    }

    fn place(&self, id: CallId) -> Option<usize> {
        usize::try_from(id.0.checked_sub(self.first)?).ok()
    }
}

/// Bytes gathered before they are handed on.
const CHUNK_BYTES: usize = 64 * 1024;

/// Writes calls as they come, in order of arrival. Keeps the snapshot before, to see what was revised.
#[derive(Debug)]
pub struct RecordWriter<W> {
    out: W,
    format: RecordFormat,
    filter: Filter,
    /// Calls still to be written, if only so many are wanted.
    left: Option<u64>,
    before: Calls,
    written: Written,
    explainer: Option<SpanExplainer>,
    recheck: LateSpans,
    reports: Option<StatsReporter>,
    next: CallId,
    is_joining: bool,
    progress: FollowProgress,
    tally: WriteCounts,
    chunk: Vec<u8>,
}

impl<W: Write> RecordWriter<W> {
    /// A writer of the calls that pass `filter`, of at most `limit` of them if that is given.
    ///
    /// # Errors
    /// Never, as long as memory can be written to.
    pub fn new(out: W, format: RecordFormat, filter: Filter, limit: Option<u64>) -> io::Result<Self> {
        let mut chunk = Vec::new();
        format.begin(&mut chunk)?;
        let progress = if limit == Some(0) { FollowProgress::Complete } else { FollowProgress::Open };
        let (before, written, explainer, recheck, reports, next, is_joining, tally) = Default::default();
        Ok(Self {
            out,
            format,
            filter,
            left: limit,
            before,
            written,
            explainer,
            recheck,
            reports,
            next,
            is_joining,
            progress,
            tally,
            chunk,
        })
    }

    /// This writer, asking `explainer` for the spans behind each call if those are written at all.
    #[must_use]
    pub fn explained_by(self, explainer: SpanExplainer) -> Self {
        let explainer = self.format.columns().have_spans().then_some(explainer);
        Self { explainer, ..self }
    }

    /// This writer, reporting where everything that arrived ended.
    #[must_use]
    pub fn reporting(self, reports: StatsReporter) -> Self {
        Self { reports: Some(reports), ..self }
    }

    /// This writer, joining a collector that has been running: calls that were gone when it came are not missed.
    #[must_use]
    pub fn joining(self) -> Self {
        Self { is_joining: true, ..self }
    }

    /// What was written so far.
    pub const fn tally(&self) -> WriteCounts {
        self.tally
    }

    /// Writes what `calls` has beyond the snapshot before, and flushes. A reader who left is no error.
    ///
    /// # Errors
    /// When the output fails in any other way.
    pub fn write(&mut self, calls: &Calls, now_unix_nano: i64) -> io::Result<FollowProgress> {
        if self.progress != FollowProgress::Open {
            return Ok(self.progress);
        }
        if std::mem::take(&mut self.is_joining) {
            self.next = calls.first_id();
        }
        self.written.forget_before(calls.first_id());
        let written = self
            .write_revised(calls, now_unix_nano)
            .and_then(|()| self.write_new(calls, now_unix_nano))
            .and_then(|()| self.write_better_explained(calls, now_unix_nano));
        if self.left == Some(0) {
            self.progress = FollowProgress::Complete;
        }
        written.and_then(|()| self.flush()).or_else(|error| self.bear(error))?;
        self.before = calls.clone();
        self.next = calls.next_id();
        Ok(self.progress)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_on()?;
        self.out.flush()
    }

    /// A reader who left is no error.
    fn bear(&mut self, error: io::Error) -> io::Result<()> {
        if error.kind() == io::ErrorKind::BrokenPipe {
            self.progress = FollowProgress::Closed;
            return Ok(());
        }
        Err(error)
    }

    fn report(&mut self, snapshot: &Snapshot, now_unix_nano: i64) -> io::Result<()> {
        let Some(reports) = self.reports.as_mut().filter(|_| self.progress != FollowProgress::Closed) else {
            return Ok(());
        };
        reports.write(RunStats::of(snapshot, self.tally, now_unix_nano), &mut self.chunk)?;
        self.flush().or_else(|error| self.bear(error))
    }

    fn write_new(&mut self, calls: &Calls, now_unix_nano: i64) -> io::Result<()> {
        self.tally.missed += calls.first_id().0.saturating_sub(self.next.0);
        let filter = self.filter.clone();
        let visible = calls.since(self.next).filter(|call| !call.is_merged_away());
        filter.select(visible, now_unix_nano).try_for_each(|call| self.write_first(call))
    }

    /// A call is written again when the record reads differently; for the first time when it only now passes.
    fn write_revised(&mut self, calls: &Calls, now_unix_nano: i64) -> io::Result<()> {
        let before = std::mem::take(&mut self.before);
        for (old, new) in calls.revised_since(&before) {
            if self.written.contains(new.id()) {
                self.write_again(old, new)?;
            } else if !new.is_merged_away() && self.filter.matches(new, now_unix_nano) {
                self.write_first(new)?;
            }
        }
        Ok(())
    }

    fn write_first(&mut self, call: &LlmCall) -> io::Result<()> {
        match &mut self.left {
            Some(0) => return Ok(()),
            Some(left) => *left -= 1,
            None => {}
        }
        self.tally.calls += 1;
        self.written.add(call.id());
        self.write_record(Record::Call(call), self.spans(call))
    }

    fn write_again(&mut self, old: &LlmCall, new: &LlmCall) -> io::Result<()> {
        if new.is_merged_away() && !self.format.columns().name_the_call() {
            return Ok(());
        }
        if !self.reads_differently(old, new)? {
            return Ok(());
        }
        let record = Record::revised(new);
        match record {
            Record::Call(_) => self.tally.revisions += 1,
            Record::MergedAway(..) => self.tally.taken_back += 1,
        }
        self.write_record(record, self.spans(new))
    }

    /// A record whose call was not revised is written again when more spans of its trace are known.
    fn write_better_explained(&mut self, calls: &Calls, now_unix_nano: i64) -> io::Result<()> {
        let due = self.recheck.due(now_unix_nano).into_iter();
        let kept = due.filter_map(|(id, listed)| Some((calls.get(id)?, listed)));
        for (call, listed) in kept.filter(|(call, _)| !call.is_merged_away()) {
            let spans = self.spans(call);
            if spans.as_ref().is_some_and(|spans| spans.len() > listed) {
                self.tally.revisions += 1;
                self.write_record(Record::Call(call), spans)?;
            }
        }
        Ok(())
    }

    /// The spans behind a call, if those are written.
    fn spans(&self, call: &LlmCall) -> Option<Vec<SpanExplanation>> {
        self.explainer.as_ref().and_then(|explainer| explainer.spans(call))
    }

    fn reads_differently(&self, old: &LlmCall, new: &LlmCall) -> io::Result<bool> {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        self.format.append(Record::revised(old), None, &mut before)?;
        self.format.append(Record::revised(new), None, &mut after)?;
        Ok(before != after)
    }

    fn write_record(&mut self, record: Record<'_>, spans: Option<Vec<SpanExplanation>>) -> io::Result<()> {
        self.format.append(record, spans.as_deref(), &mut self.chunk)?;
        if let (Record::Call(call), Some(_)) = (record, &self.explainer) {
            self.recheck.note(call.id(), spans.map_or(0, |spans| spans.len()));
        }
        if self.chunk.len() < CHUNK_BYTES { Ok(()) } else { self.hand_on() }
    }

    fn hand_on(&mut self) -> io::Result<()> {
        self.out.write_all(&self.chunk)?;
        self.chunk.clear();
        Ok(())
    }
}

impl<W: Write> Follower for RecordWriter<W> {
    fn take(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> io::Result<FollowProgress> {
        self.write(&snapshot.calls, now_unix_nano)?;
        if self.reports.as_mut().is_some_and(|reports| reports.is_due(now_unix_nano)) {
            self.report(snapshot, now_unix_nano)?;
        }
        Ok(self.progress)
    }

    fn end(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> io::Result<()> {
        self.recheck.hurry();
        self.write(&snapshot.calls, now_unix_nano)?;
        self.report(snapshot, now_unix_nano)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallFacts, Names};
    use crate::collector::KnownSpan;
    use crate::collector::join::Outcome;
    use crate::collector::ring::Ring;
    use crate::output::{FieldList, OutputFormat};
    use proptest::prelude::*;
    use std::cell::Cell;
    use std::collections::{HashMap, HashSet};
    use std::rc::Rc;

    fn call(model: &'static str) -> LlmCall {
        LlmCall::from_facts(&CallFacts { model: Some(model.into()), ..CallFacts::default() }, &mut Names::default(), 0)
    }

    fn merged() -> LlmCall {
        let mut call = call("x");
        call.mark_merged();
        call
    }

    fn ring(capacity: usize, models: &[&'static str]) -> Ring {
        let mut ring = Ring::new(capacity);
        for model in models {
            ring.push(call(model));
        }
        ring
    }

    fn writer(fields: &str, filter: &str, limit: Option<u64>) -> RecordWriter<Vec<u8>> {
        let format =
            RecordFormat::new(OutputFormat::Csv, Arc::default()).with_columns(FieldList::parse(fields).unwrap());
        RecordWriter::new(Vec::new(), format, Filter::parse(filter).unwrap(), limit).unwrap()
    }

    /// What came out since the last time, without the line of names.
    fn lines(writer: &mut RecordWriter<Vec<u8>>) -> Vec<String> {
        let text = String::from_utf8(std::mem::take(&mut writer.out)).unwrap();
        text.lines().filter(|line| !line.contains("model")).map(str::to_owned).collect()
    }

    const KEY: &str = "model,call_id,revision,merged";

    #[test]
    fn every_call_once_and_every_revision_once() {
        let mut ring = ring(10, &["a", "b"]);
        let mut writer = writer(KEY, "", None);
        writer.write(ring.calls(), 0).unwrap();
        assert_eq!(lines(&mut writer), ["a,0,1,false", "b,1,1,false"]);
        writer.write(ring.calls(), 0).unwrap();
        assert!(lines(&mut writer).is_empty());
        ring.push(call("c"));
        ring.replace(CallId(0), call("a2"));
        ring.replace(CallId(1), merged());
        writer.write(ring.calls(), 0).unwrap();
        assert_eq!(lines(&mut writer), ["a2,0,2,false", ",1,2,true", "c,2,1,false"]);
        assert_eq!(writer.tally(), WriteCounts { calls: 3, revisions: 1, taken_back: 1, missed: 0 });
    }

    #[test]
    fn what_was_merged_before_it_was_seen_is_never_written() {
        let mut ring = ring(10, &["a"]);
        ring.replace(CallId(0), merged());
        let mut writer = writer(KEY, "", None);
        writer.write(ring.calls(), 0).unwrap();
        assert!(lines(&mut writer).is_empty());
        ring.replace(CallId(0), call("back"));
        writer.write(ring.calls(), 0).unwrap();
        assert_eq!(lines(&mut writer), ["back,0,3,false"]);
    }

    #[test]
    fn a_revision_that_reads_the_same_is_not_written() {
        let mut ring = ring(10, &["a", "b"]);
        let mut writer = writer("model", "", None);
        writer.write(ring.calls(), 0).unwrap();
        ring.replace(CallId(0), call("a"));
        ring.replace(CallId(1), merged());
        writer.write(ring.calls(), 0).unwrap();
        assert_eq!(lines(&mut writer), ["a", "b"]);
    }

    #[test]
    fn evicted_calls_are_counted() {
        let mut ring = ring(3, &["a", "b"]);
        let mut writer = writer(KEY, "", None);
        writer.write(ring.calls(), 0).unwrap();
        for model in ["c", "d", "e", "f", "g"] {
            ring.push(call(model));
        }
        writer.write(ring.calls(), 0).unwrap();
        assert_eq!(lines(&mut writer).len(), 5);
        assert_eq!(writer.tally(), WriteCounts { calls: 5, missed: 2, ..WriteCounts::default() });
        assert!(writer.tally().loss().is_some_and(|told| told.starts_with("2 calls were evicted")));
        assert_eq!(WriteCounts { missed: 0, ..writer.tally() }.loss(), None);
    }

    #[test]
    fn who_joins_late_does_not_miss_what_was_gone_before() {
        let mut ring = ring(2, &["a", "b", "c"]);
        let mut writer = writer(KEY, "", None).joining();
        writer.write(ring.calls(), 0).unwrap();
        assert_eq!(writer.tally(), WriteCounts { calls: 2, ..WriteCounts::default() });
        for model in ["d", "e", "f"] {
            ring.push(call(model));
        }
        writer.write(ring.calls(), 0).unwrap();
        assert_eq!(writer.tally(), WriteCounts { calls: 4, missed: 1, ..WriteCounts::default() });
    }

    #[test]
    fn the_filter_holds_for_revisions_too() {
        let mut ring = ring(10, &["a", "b", "a"]);
        let mut writer = writer(KEY, "model:a*", None);
        writer.write(ring.calls(), 0).unwrap();
        assert_eq!(lines(&mut writer), ["a,0,1,false", "a,2,1,false"]);
        ring.replace(CallId(0), call("b2"));
        ring.replace(CallId(1), call("a2"));
        writer.write(ring.calls(), 0).unwrap();
        assert_eq!(lines(&mut writer), ["b2,0,2,false", "a2,1,2,false"], "a correction is due to who has the record");
        assert_eq!(writer.tally().calls, 3);
    }

    #[test]
    fn a_written_call_is_corrected_even_when_it_no_longer_passes() {
        let second = 1_000_000_000;
        let mut ring = ring(10, &["a"]);
        let mut writer = writer(KEY, "since:1s", None);
        writer.write(ring.calls(), second).unwrap();
        ring.replace(CallId(0), call("late"));
        writer.write(ring.calls(), 5 * second).unwrap();
        assert_eq!(lines(&mut writer), ["a,0,1,false", "late,0,2,false"]);
    }

    #[test]
    fn the_count_is_of_calls() {
        let mut ring = ring(10, &["a"]);
        let mut writer = writer(KEY, "", Some(2));
        assert_eq!(writer.write(ring.calls(), 0).unwrap(), FollowProgress::Open);
        ring.replace(CallId(0), call("a2"));
        assert_eq!(writer.write(ring.calls(), 0).unwrap(), FollowProgress::Open);
        ring.push(call("b"));
        ring.push(call("c"));
        assert_eq!(writer.write(ring.calls(), 0).unwrap(), FollowProgress::Complete);
        assert_eq!(lines(&mut writer), ["a,0,1,false", "a2,0,2,false", "b,1,1,false"]);
        ring.push(call("d"));
        assert_eq!(writer.write(ring.calls(), 0).unwrap(), FollowProgress::Complete);
        assert!(lines(&mut writer).is_empty());
    }

    /// Takes so many bytes, then fails.
    struct Faulty(usize, io::ErrorKind);

    impl Write for Faulty {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(self.1.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_ends_quietly_and_a_full_disk_does_not() {
        let ring = ring(10, &["a", "b"]);
        let write = |kind| {
            let format = RecordFormat::new(OutputFormat::Ndjson, Arc::default());
            let mut writer = RecordWriter::new(Faulty(100, kind), format, Filter::default(), None).unwrap();
            writer.write(ring.calls(), 0)
        };
        assert_eq!(write(io::ErrorKind::BrokenPipe).unwrap(), FollowProgress::Closed);
        assert_eq!(write(io::ErrorKind::StorageFull).unwrap_err().kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn names_stand_first_even_without_calls() {
        let mut writer = writer("model,call_id", "", None);
        writer.write(&Calls::default(), 0).unwrap();
        assert_eq!(writer.out, b"model,call_id\n");
    }

    #[test]
    fn what_arrived_while_it_stopped_is_written_too() {
        let snapshot = |models: &[&'static str]| {
            Arc::new(Snapshot { calls: ring(10, models).calls().clone(), ..Snapshot::default() })
        };
        let mut writer = writer("model,call_id", "", None);
        writer.take(&snapshot(&["a"]), 0).unwrap();
        writer.end(&snapshot(&["a", "b"]), 0).unwrap();
        assert_eq!(lines(&mut writer), ["a,0", "b,1"]);
    }

    #[test]
    fn a_record_is_written_again_when_more_of_its_spans_are_known() {
        let second = 1_000_000_000;
        let (spans, asked) = (Rc::new(Cell::new(1)), Rc::new(Cell::new(0)));
        let (known, questions) = (Rc::clone(&spans), Rc::clone(&asked));
        let explainer = SpanExplainer::new(move |_| {
            questions.set(questions.get() + 1);
            Some((1..=known.get()).map(known_span).collect())
        });
        let columns = FieldList::parse("call_id,spans").unwrap();
        let format = RecordFormat::new(OutputFormat::Ndjson, Arc::default()).with_columns(columns);
        let mut writer =
            RecordWriter::new(Vec::new(), format, Filter::default(), None).unwrap().explained_by(explainer);
        let mut ring = Ring::new(10);
        ring.push(traced());
        writer.write(ring.calls(), second).unwrap();
        writer.write(ring.calls(), 5 * second).unwrap();
        spans.set(2);
        writer.write(ring.calls(), 5 * second + 1).unwrap();
        assert_eq!(spans_told(&mut writer), [1], "neither without news nor at once");
        writer.write(ring.calls(), 6 * second).unwrap();
        assert_eq!(spans_told(&mut writer), [2]);
        spans.set(3);
        writer.end(&Arc::new(Snapshot { calls: ring.calls().clone(), ..Snapshot::default() }), 6 * second + 1).unwrap();
        assert_eq!(spans_told(&mut writer), [3]);
        assert_eq!(asked.get(), 5, "a question a look");
    }

    fn traced() -> LlmCall {
        LlmCall::from_facts(
            &CallFacts { trace_id: &[7; 16], span_id: &[8; 8], ..CallFacts::default() },
            &mut Names::default(),
            0,
        )
    }

    fn known_span(id: u64) -> KnownSpan {
        KnownSpan { id, parent: id - 1, row: None, outcome: Outcome::NotCounted, why: "".into(), bytes: None }
    }

    /// How many spans each record that came out since the last time lists.
    fn spans_told(writer: &mut RecordWriter<Vec<u8>>) -> Vec<usize> {
        let text = String::from_utf8(std::mem::take(&mut writer.out)).unwrap();
        let spans = |line| serde_json::from_str::<serde_json::Value>(line).unwrap()["spans"].as_array().unwrap().len();
        text.lines().map(spans).collect()
    }

    proptest! {
        #[test]
        fn what_passes_is_written_and_kept_up_to_date(capacity in 1_usize..40, steps in steps()) {
            let mut ring = Ring::new(capacity);
            let mut writer = writer("call_id,revision", "model:pass", None);
            let mut latest = HashMap::new();
            let mut passed = HashSet::new();
            for (pushed, revised) in steps {
                for model in pushed {
                    ring.push(call(model));
                }
                for (id, model) in revised {
                    ring.replace(CallId(id), call(model));
                }
                writer.write(ring.calls(), 0).unwrap();
                for line in lines(&mut writer).iter().filter(|line| !line.contains("call_id")) {
                    let (id, revision) = line.split_once(',').unwrap();
                    let (id, revision): (u64, u16) = (id.parse().unwrap(), revision.parse().unwrap());
                    let before = latest.insert(id, revision);
                    prop_assert!(before.is_none_or(|before| before < revision), "{} twice", line);
                }
                passed.extend(ring.calls().iter().filter(|call| call.shown_model() == "pass").map(|call| call.id().0));
                for call in ring.calls().iter() {
                    let expected = passed.contains(&call.id().0).then_some(call.revision());
                    prop_assert_eq!(latest.get(&call.id().0).copied(), expected);
                }
            }
            prop_assert_eq!(latest.len() as u64, writer.tally().calls);
        }

        #[test]
        fn calls_are_written_or_missed(capacity in 1_usize..40, steps in steps()) {
            let mut ring = Ring::new(capacity);
            let mut writer = writer("call_id,revision", "", None);
            for (pushed, _) in steps {
                for model in pushed {
                    ring.push(call(model));
                }
                writer.write(ring.calls(), 0).unwrap();
            }
            prop_assert_eq!(writer.tally().calls + writer.tally().missed, ring.calls().next_id().0);
        }
    }

    /// What arrives between two snapshots: new calls, and calls that change.
    type Step = (Vec<&'static str>, Vec<(u64, &'static str)>);

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let model = || prop::sample::select(vec!["pass", "stay"]);
        let pushed = prop::collection::vec(model(), 0..30);
        prop::collection::vec((pushed, prop::collection::vec((0_u64..100, model()), 0..4)), 0..10)
    }
}
