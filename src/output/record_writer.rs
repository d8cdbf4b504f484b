//! Writes calls as they arrive: every call once and every revision of it once.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;

use super::follow::{FollowProgress, Follower};
use super::late_spans::LateSpans;
use super::record::Record;
use super::record_format::RecordFormat;
use super::run_stats::{RunStats, WriteCounts};
use super::span_explainer::{SpanExplainer, SpanExplanation};
use super::stats_reporter::StatsReporter;
use crate::call::{CallId, LlmCall};
use crate::collector::{Calls, Snapshot};
use crate::query::filter::Filter;

/// The stored calls that were written. Their revisions are written even if they no longer pass the filter.
#[derive(Debug, Default)]
struct Written {
    /// Call id of the first flag.
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

/// Buffered bytes before a write.
const CHUNK_BYTES: usize = 64 * 1024;

/// Writes calls in order of arrival. Keeps the previous snapshot to find revisions.
#[derive(Debug)]
pub struct RecordWriter<W> {
    out: W,
    format: RecordFormat,
    filter: Filter,
    /// Number of calls still to write; `None` is unlimited.
    left: Option<u64>,
    before: Calls,
    written: Written,
    span_explainer: Option<SpanExplainer>,
    late_spans: LateSpans,
    reports: Option<StatsReporter>,
    next: CallId,
    is_joining: bool,
    progress: FollowProgress,
    counts: WriteCounts,
    /// Calls of which the record has left.
    flushed_calls: u64,
    chunk: Vec<u8>,
}

impl<W: Write> RecordWriter<W> {
    /// Writes the calls that pass `filter`, at most `limit` of them if given.
    ///
    /// # Errors
    /// Never fails when formatting to memory.
    pub fn new(out: W, format: RecordFormat, filter: Filter, limit: Option<u64>) -> io::Result<Self> {
        let mut chunk = Vec::new();
        format.begin(&mut chunk)?;
        let progress = if limit == Some(0) { FollowProgress::Complete } else { FollowProgress::Open };
        let (before, written, span_explainer, late_spans, reports, next, is_joining, counts) = Default::default();
        Ok(Self {
            out,
            format,
            filter,
            left: limit,
            before,
            written,
            span_explainer,
            late_spans,
            reports,
            next,
            is_joining,
            progress,
            counts,
            flushed_calls: 0,
            chunk,
        })
    }

    /// Adds the spans of each call's trace, if they are a written field.
    #[must_use]
    pub fn explained_by(self, span_explainer: SpanExplainer) -> Self {
        let span_explainer = self.format.columns().have_spans().then_some(span_explainer);
        Self { span_explainer, ..self }
    }

    /// Adds run statistics.
    #[must_use]
    pub fn reporting(self, reports: StatsReporter) -> Self {
        Self { reports: Some(reports), ..self }
    }

    /// For a collector that is already running: calls evicted before the first snapshot do not count as missed.
    #[must_use]
    pub fn joining(self) -> Self {
        Self { is_joining: true, ..self }
    }

    /// Calls whose records were taken by the output.
    pub const fn flushed_calls(&self) -> u64 {
        self.flushed_calls
    }

    /// Records written and calls lost so far.
    pub const fn counts(&self) -> WriteCounts {
        self.counts
    }

    /// Writes the difference between `calls` and the previous snapshot, and flushes.
    ///
    /// # Errors
    /// Fails if the output does, except for a closed pipe.
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
            .and_then(|()| self.write_late_spans(calls, now_unix_nano));
        if self.left == Some(0) {
            self.progress = FollowProgress::Complete;
        }
        written.and_then(|()| self.flush()).or_else(|error| self.handle(error))?;
        self.before = calls.clone();
        self.next = calls.next_id();
        Ok(self.progress)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_chunk()?;
        self.out.flush()
    }

    /// Treats a closed pipe as the end of the run.
    fn handle(&mut self, error: io::Error) -> io::Result<()> {
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
        reports.write(RunStats::of(snapshot, self.counts, now_unix_nano), &mut self.chunk)?;
        self.flush().or_else(|error| self.handle(error))
    }

    fn write_new(&mut self, calls: &Calls, now_unix_nano: i64) -> io::Result<()> {
        self.counts.missed += calls.first_id().0.saturating_sub(self.next.0);
        let filter = self.filter.clone();
        let visible = calls.since(self.next).filter(|call| !call.is_merged_away());
        filter.select(visible, now_unix_nano).try_for_each(|call| self.write_first(call))
    }

    /// Writes a revised call again if its record differs, or for the first time if it passes only now.
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
        self.counts.calls += 1;
        self.written.add(call.id());
        self.write_record(Record::Call(call), self.spans(call))
    }

    fn write_again(&mut self, old: &LlmCall, new: &LlmCall) -> io::Result<()> {
        if new.is_merged_away() && !self.format.columns().include_call_id() {
            return Ok(());
        }
        if !self.record_differs(old, new)? {
            return Ok(());
        }
        let record = Record::revised(new);
        match record {
            Record::Call(_) => self.counts.revisions += 1,
            Record::MergedAway(..) => self.counts.taken_back += 1,
        }
        self.write_record(record, self.spans(new))
    }

    /// Writes records again for which more spans are known, although their calls were not revised.
    fn write_late_spans(&mut self, calls: &Calls, now_unix_nano: i64) -> io::Result<()> {
        let due = self.late_spans.due(now_unix_nano).into_iter();
        let kept = due.filter_map(|(id, listed)| Some((calls.get(id)?, listed)));
        for (call, listed) in kept.filter(|(call, _)| !call.is_merged_away()) {
            let spans = self.spans(call);
            if spans.as_ref().is_some_and(|spans| spans.len() > listed) {
                self.counts.revisions += 1;
                self.write_record(Record::Call(call), spans)?;
            }
        }
        Ok(())
    }

    /// The spans of the call's trace, if they are a written field.
    fn spans(&self, call: &LlmCall) -> Option<Vec<SpanExplanation>> {
        self.span_explainer.as_ref().and_then(|span_explainer| span_explainer.spans(call))
    }

    fn record_differs(&self, old: &LlmCall, new: &LlmCall) -> io::Result<bool> {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        self.format.append(Record::revised(old), None, &mut before)?;
        self.format.append(Record::revised(new), None, &mut after)?;
        Ok(before != after)
    }

    fn write_record(&mut self, record: Record<'_>, spans: Option<Vec<SpanExplanation>>) -> io::Result<()> {
        self.format.append(record, spans.as_deref(), &mut self.chunk)?;
        if let (Record::Call(call), Some(_)) = (record, &self.span_explainer) {
            self.late_spans.note(call.id(), spans.map_or(0, |spans| spans.len()));
        }
        if self.chunk.len() < CHUNK_BYTES { Ok(()) } else { self.write_chunk() }
    }

    fn write_chunk(&mut self) -> io::Result<()> {
        self.out.write_all(&self.chunk)?;
        self.chunk.clear();
        self.flushed_calls = self.counts.calls;
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
        self.late_spans.expire();
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
        assert_eq!(writer.counts(), WriteCounts { calls: 3, revisions: 1, taken_back: 1, missed: 0 });
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
        assert_eq!(writer.counts(), WriteCounts { calls: 5, missed: 2, ..WriteCounts::default() });
        assert!(writer.counts().loss().is_some_and(|message| message.starts_with("2 calls were evicted")));
        assert_eq!(WriteCounts { missed: 0, ..writer.counts() }.loss(), None);
    }

    #[test]
    fn calls_evicted_before_joining_are_not_missed() {
        let mut ring = ring(2, &["a", "b", "c"]);
        let mut writer = writer(KEY, "", None).joining();
        writer.write(ring.calls(), 0).unwrap();
        assert_eq!(writer.counts(), WriteCounts { calls: 2, ..WriteCounts::default() });
        for model in ["d", "e", "f"] {
            ring.push(call(model));
        }
        writer.write(ring.calls(), 0).unwrap();
        assert_eq!(writer.counts(), WriteCounts { calls: 4, missed: 1, ..WriteCounts::default() });
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
        assert_eq!(writer.counts().calls, 3);
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
        let span_explainer = SpanExplainer::new(move |_| {
            questions.set(questions.get() + 1);
            Some((1..=known.get()).map(known_span).collect())
        });
        let columns = FieldList::parse("call_id,spans").unwrap();
        let format = RecordFormat::new(OutputFormat::Ndjson, Arc::default()).with_columns(columns);
        let mut writer =
            RecordWriter::new(Vec::new(), format, Filter::default(), None).unwrap().explained_by(span_explainer);
        let mut ring = Ring::new(10);
        ring.push(traced());
        writer.write(ring.calls(), second).unwrap();
        writer.write(ring.calls(), 5 * second).unwrap();
        spans.set(2);
        writer.write(ring.calls(), 5 * second + 1).unwrap();
        assert_eq!(spans_listed(&mut writer), [1], "neither without news nor at once");
        writer.write(ring.calls(), 6 * second).unwrap();
        assert_eq!(spans_listed(&mut writer), [2]);
        spans.set(3);
        writer.end(&Arc::new(Snapshot { calls: ring.calls().clone(), ..Snapshot::default() }), 6 * second + 1).unwrap();
        assert_eq!(spans_listed(&mut writer), [3]);
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
    fn spans_listed(writer: &mut RecordWriter<Vec<u8>>) -> Vec<usize> {
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
            prop_assert_eq!(latest.len() as u64, writer.counts().calls);
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
            prop_assert_eq!(writer.counts().calls + writer.counts().missed, ring.calls().next_id().0);
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
