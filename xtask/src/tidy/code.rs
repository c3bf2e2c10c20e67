//! The code of a Rust file without its comments and the content of its strings.

/// Returns the text with comments, strings and character literals blanked. Lines stay lines.
pub(super) fn only_code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = not_code(rest, code.chars().last());
        if length == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.extend(rest[..length].chars().map(|letter| if letter == '\n' { '\n' } else { ' ' }));
            rest = &rest[length..];
        }
    }
    code
}

/// How many bytes at the start of the text are a comment or a literal; 0 if it starts with code.
fn not_code(text: &str, before: Option<char>) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return block_comment(text);
    }
    if text.starts_with('"') {
        return quoted(text, '"');
    }
    if text.starts_with('\'') {
        return character(text);
    }
    let inside_word = before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    if inside_word && before != Some('b') && before != Some('c') { 0 } else { raw_string(text) }
}

/// Block comments nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// A literal with escapes, from its opening quote to its closing one.
fn quoted(text: &str, quote: char) -> usize {
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' {
            letters.next();
        } else if letter == quote {
            return at + 1;
        }
    }
    text.len()
}

/// A character literal, which begins as a lifetime does but ends with a quote after one letter or escape.
fn character(text: &str) -> usize {
    let mut letters = text.chars().skip(1);
    let is_escape = letters.next() == Some('\\');
    if is_escape || letters.next() == Some('\'') { quoted(text, '\'') } else { 0 }
}

/// `r"..."` or `r#"..."#` with any number of hashes.
fn raw_string(text: &str) -> usize {
    let Some(rest) = text.strip_prefix('r') else { return 0 };
    let hashes = rest.bytes().take_while(|&byte| byte == b'#').count();
    if !rest[hashes..].starts_with('"') {
        return 0;
    }
    let content = 1 + hashes + 1;
    let end = format!("\"{}", "#".repeat(hashes));
    text[content..].find(&end).map_or(text.len(), |at| content + at + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked() {
        assert_eq!(only_code("a // b\nc"), "a     \nc");
        assert_eq!(only_code("a /* b /* c */ d */ e"), "a                   e");
        assert_eq!(only_code(r#"f("a \" b", 'x', '\'', c)"#), "f(        ,    ,     , c)");
        assert_eq!(only_code("r#\"a \" b\"# c"), "           c");
    }

    #[test]
    fn lifetimes_and_names_are_code() {
        assert_eq!(only_code("fn f<'a>(x: &'a str) -> &'a str"), "fn f<'a>(x: &'a str) -> &'a str");
        assert_eq!(only_code("for r in bar"), "for r in bar");
    }
}
