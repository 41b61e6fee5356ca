//! Permissions as `chmod` writes them: `u+x,go-w`, `754`, `+t` (`ChmodParser`).

/// A parsed mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mode {
    user: Part,
    group: Part,
    others: Part,
    sticky: Part,
}

/// What is done to one set of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    operation: char,
    bits: u16,
}

/// `X`: execute where the file is a directory or somebody may execute it already.
const CONDITIONAL: u16 = 8;

impl Mode {
    /// Parses `754`, `1777` or `u=rwx,g+r,o-x`; `None` where it is neither.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        Self::octal(text.strip_prefix('+').unwrap_or(text)).or_else(|| Self::symbolic(text))
    }

    fn octal(digits: &str) -> Option<Self> {
        let sticky = match digits.len() {
            3 => "0",
            4 => digits.get(..1).filter(|first| matches!(*first, "0" | "1"))?,
            _ => return None,
        };
        let part =
            |text: &str| Some(Part { operation: '=', bits: u16::from_str_radix(text, 8).ok()? });
        let last = digits.get(digits.len().checked_sub(3)?..)?;
        Some(Self {
            sticky: part(sticky)?,
            user: part(last.get(..1)?)?,
            group: part(last.get(1..2)?)?,
            others: part(last.get(2..)?)?,
        })
    }

    fn symbolic(text: &str) -> Option<Self> {
        let nothing = Part { operation: '+', bits: 0 };
        let mut mode = Self { user: nothing, group: nothing, others: nothing, sticky: nothing };
        for clause in text.split(',') {
            mode.clause(clause.trim())?;
        }
        Some(mode)
    }

    fn clause(&mut self, clause: &str) -> Option<()> {
        let operator = clause.find(['+', '-', '='])?;
        let (who, rest) = clause.split_at(operator);
        let letters = rest.trim_start_matches(['+', '-', '=']);
        let operation = rest.get(..rest.len() - letters.len())?.chars().next_back()?;
        if letters.is_empty() || !who.chars().all(|c| "ugoa".contains(c)) {
            return None;
        }
        let (mut bits, mut sticky) = (0, 0);
        for letter in letters.chars() {
            match letter {
                'r' => bits |= 4,
                'w' => bits |= 2,
                'x' => bits |= 1,
                'X' => bits |= CONDITIONAL,
                't' => sticky = 1,
                _ => return None,
            }
        }
        let all = !who.contains(['u', 'g', 'o']);
        let part = Part { operation, bits };
        if all || who.contains('u') {
            self.user = part;
        }
        if all || who.contains('g') {
            self.group = part;
        }
        if all || who.contains('o') {
            self.others = part;
            self.sticky = Part { operation, bits: sticky };
        }
        Some(())
    }

    /// What becomes of the permissions of a file.
    pub(crate) fn apply(&self, existing: u16, is_directory: bool) -> u16 {
        let executable = is_directory || existing & 0o111 != 0;
        self.sticky.apply(existing >> 9 & 1, false) << 9
            | self.user.apply(existing >> 6 & 7, executable) << 6
            | self.group.apply(existing >> 3 & 7, executable) << 3
            | self.others.apply(existing & 7, executable)
    }
}

impl Part {
    fn apply(self, existing: u16, executable: bool) -> u16 {
        let conditional = self.bits & CONDITIONAL != 0;
        let bits = if conditional { self.bits & !CONDITIONAL | 1 } else { self.bits };
        let result = match self.operation {
            '+' => existing | bits,
            '-' => existing & !bits,
            _ => bits,
        };
        if conditional && !executable && existing & 1 == 0 { result & !1 } else { result }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applies() {
        for (mode, existing, directory, wanted) in [
            ("754", 0o644, false, 0o754),
            ("1777", 0o755, true, 0o1777),
            ("0755", 0o1777, true, 0o755),
            ("+x", 0o644, false, 0o755),
            ("u+x,go-r", 0o644, false, 0o700),
            ("a+X", 0o644, false, 0o644),
            ("a+X", 0o744, false, 0o755),
            ("a+X", 0o600, true, 0o711),
            ("+t", 0o755, true, 0o1755),
            ("o-t", 0o1755, true, 0o755),
            ("g=rw", 0o777, false, 0o767),
            ("u=r,u=w", 0o777, false, 0o277),
        ] {
            assert_eq!(Mode::parse(mode).unwrap().apply(existing, directory), wanted, "{mode}");
        }
    }

    #[test]
    fn refuses() {
        for bad in ["", "8", "77", "2777", "u", "u+", "u+y", "z+x", "u+x,", "99999"] {
            assert_eq!(Mode::parse(bad), None, "{bad}");
        }
    }
}
