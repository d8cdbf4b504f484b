//! Controls the replay, and keeps its last reported progress.

mod goto;

use super::action::{Leap, Play};
use super::goto_line::GoToLine;
use super::pace::Draw;
use super::replay_progress::ReplayProgress;
use super::{App, Dialog, Effect, Outcome};
use crate::sources::replay::{Command, Progress, Speed, State};

/// The speeds that keys go through.
const SPEEDS: [Speed; 10] = [
    Speed::Times(0.1),
    Speed::Times(0.5),
    Speed::Times(1.0),
    Speed::Times(2.0),
    Speed::Times(5.0),
    Speed::Times(10.0),
    Speed::Times(50.0),
    Speed::Times(100.0),
    Speed::Times(1000.0),
    Speed::Max,
];

const SECOND: i64 = 1_000_000_000;

impl App {
    /// Applies the replay's progress.
    pub(super) fn take_progress(&mut self, mut progress: Progress) -> Draw {
        let former = self.replay.take().unwrap_or_default();
        // Published before the last command was executed: its expected effect is kept, as the next command builds on it.
        if progress.commands_done < former.given {
            progress.speed = former.progress.speed;
            progress.seeking_unix_nano = former.progress.seeking_unix_nano;
        }
        // The calls before a restart were cleared: there is no row to stay on.
        if former.progress.beginnings > 0 && progress.beginnings > former.progress.beginnings && self.frozen.is_none() {
            self.views.forget_calls();
        }
        let reported_broken = former.reported_broken.max(progress.broken);
        if let Some(newest) = progress.broken_since(former.reported_broken).last() {
            let more = match progress.broken - former.reported_broken {
                0 | 1 => String::new(),
                count => format!(" (and {} before it)", count - 1),
            };
            self.notify(format!("{newest}{more}"));
        }
        self.replay = Some(ReplayProgress { progress, given: former.given, reported_broken });
        Draw::Paced
    }

    /// Carries out a replay key.
    pub(super) fn steer(&mut self, play: Play) -> Outcome {
        let Some(ReplayProgress { progress, .. }) = &self.replay else {
            self.notify("no replay: start with --replay FILE");
            return Outcome::draw(Draw::Now);
        };
        let is_done = progress.state == State::Done;
        let speed = progress.speed.unwrap_or(Speed::Max);
        match play {
            Play::TogglePause | Play::Step if is_done => self.refuse("the replay is done; ← seeks back"),
            Play::TogglePause => self.command(Command::TogglePause),
            Play::Step => self.command(Command::Step),
            Play::Back(leap) => self.leap(-nanos(leap)),
            Play::Forward(leap) => self.leap(nanos(leap)),
            Play::Slower => self.set_speed(slower(speed)),
            Play::Faster => self.set_speed(faster(speed)),
            Play::FullSpeed => self.set_speed(Speed::Max),
            Play::GoTo => {
                self.dialog = Some(Dialog::GoTo(GoToLine::default()));
                Outcome::draw(Draw::Now)
            }
        }
    }

    /// Seeks to the time on the line, or shows why that fails.
    pub(super) fn go_to(&mut self, line: GoToLine) -> Outcome {
        let Some(ReplayProgress { progress, .. }) = &self.replay else { return Outcome::draw(Draw::Now) };
        if line.input.text().trim().is_empty() {
            return Outcome::draw(Draw::Now);
        }
        match goto::parse(line.input.text(), progress, self.clock.zone) {
            Ok(target) => self.seek(target),
            // A mistake keeps the line open.
            Err(error) => {
                self.dialog = Some(Dialog::GoTo(GoToLine { error: Some(error), ..line }));
                Outcome::draw(Draw::Now)
            }
        }
    }

    fn leap(&mut self, nanos: i64) -> Outcome {
        // A leap during another one starts from where that leads.
        let stands = |progress: &Progress| progress.seeking_unix_nano.or(progress.clock_unix_nano);
        match self.replay.as_ref().and_then(|playing| stands(&playing.progress)) {
            Some(clock) => self.seek(clock.saturating_add_signed(nanos)),
            None => self.refuse("nothing replayed yet"),
        }
    }

    fn seek(&mut self, target: u64) -> Outcome {
        let Some(ReplayProgress { progress, .. }) = &mut self.replay else { return Outcome::default() };
        let target = target.max(progress.begins_unix_nano.unwrap_or(0));
        let is_back = progress.newest_unix_nano.is_some_and(|newest| target <= newest);
        if is_back && !progress.can_rewind {
            let why = format!("{} is a pipe: seeking back is not possible", progress.input);
            return self.refuse(why);
        }
        if progress.state == State::Done && !is_back {
            return self.refuse("the replay is done; ← seeks back");
        }
        // Set before the replay reports it, for the next leap.
        progress.seeking_unix_nano = Some(target);
        self.command(Command::SeekTo(target))
    }

    fn set_speed(&mut self, speed: Speed) -> Outcome {
        if let Some(playing) = &mut self.replay {
            playing.progress.speed = Some(speed);
        }
        self.command(Command::Speed(speed))
    }

    fn command(&mut self, command: Command) -> Outcome {
        if let Some(playing) = &mut self.replay {
            playing.given += 1;
        }
        Outcome::effect(Effect::Replay(command))
    }

    fn refuse(&mut self, why: impl Into<String>) -> Outcome {
        self.notify(why);
        Outcome::draw(Draw::Now)
    }
}

const fn nanos(leap: Leap) -> i64 {
    match leap {
        Leap::TenSeconds => 10 * SECOND,
        Leap::Minute => 60 * SECOND,
    }
}

/// How a speed compares: nothing is faster than all at once.
const fn factor(speed: Speed) -> f64 {
    match speed {
        Speed::Times(factor) => factor,
        Speed::Max => f64::INFINITY,
    }
}

fn slower(speed: Speed) -> Speed {
    SPEEDS.into_iter().rev().find(|step| factor(*step) < factor(speed)).unwrap_or(speed)
}

fn faster(speed: Speed) -> Speed {
    SPEEDS.into_iter().find(|step| factor(*step) > factor(speed)).unwrap_or(speed)
}

#[cfg(test)]
mod tests;
