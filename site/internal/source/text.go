package source

import (
	"fmt"
	"strings"
)

// byteOrderMark is U+FEFF in UTF-8, as many editors of Windows begin a file with.
const byteOrderMark = "\ufeff"

// Where some programs see the end of a line and others, the readers of a site among them, do not.
const (
	nextLine       = "\u0085"
	lineSeparator  = "\u2028"
	paragraphMark  = "\u2029"
	expectedLines  = "expected lines that end as on Unix or Windows (LF or CRLF)"
	expectedUTF8   = "expected UTF-8: the editor's \"Save as\" has it, or iconv -f %s -t UTF-8"
	enoughToDetect = 4096 // bytes of a file that show how it is encoded
)

// NotText says why a file cannot be read as lines of text, whatever they mean: it is encoded otherwise than
// ASCII is, or has ends of lines that would make others a part of a comment. The place is that of the first
// of these, or none if it is all of the file; the reason continues a sentence that starts with the place. It
// is "" for text. Bytes that are no UTF-8 are for the reader of what is written there: comments may have
// them.
func (s *File) NotText() (at Span, reason string) {
	if name := encodingOf(s.Text); name != "" {
		return Span{}, fmt.Sprintf("is encoded as %s; "+expectedUTF8, name, name)
	}
	if strings.Contains(s.Text, "\r") && !strings.Contains(s.Text, "\n") && s.loneReturn() >= 0 {
		return Span{}, "has the ends of lines of old Macs, a carriage return alone (CR), so all of it is one line; " +
			expectedLines
	}
	off, reason := len(s.Text), ""
	note := func(i int, what string) {
		if i >= 0 && i < off {
			off, reason = i, what
		}
	}
	note(strings.IndexByte(s.Text, 0), "here is a byte that is 0, which no text has; expected a file of text")
	note(s.loneReturn(), "here is a carriage return within a line (CR), where old Macs end it; "+
		expectedLines)
	for what, c := range map[string]string{
		"NEXT LINE (U+0085)": nextLine, "LINE SEPARATOR (U+2028)": lineSeparator,
		"PARAGRAPH SEPARATOR (U+2029)": paragraphMark,
	} {
		note(strings.Index(s.Text, c), "here is the character "+what+", where some editors end the line; "+
			expectedLines)
	}
	note(strings.Index(s.Text, byteOrderMark),
		"here is a byte order mark (U+FEFF), which begins a file, as when two were put together; expected none")
	if reason == "" {
		return Span{}, ""
	}
	return s.Span(off, off+1), reason
}

// loneReturn returns where the first carriage return is that belongs to no end of a line; -1: there is none.
// The last line may lack the rest of its end.
func (s *File) loneReturn() int {
	for i := 0; i < len(s.Text); i++ {
		next := strings.IndexByte(s.Text[i:], '\r')
		if next < 0 {
			break
		}
		begin := i + next
		for i = begin; i < len(s.Text) && s.Text[i] == '\r'; i++ {
		}
		if i < len(s.Text) && s.Text[i] != '\n' {
			return begin
		}
	}
	return -1
}

// encodingOf names the encoding of a text if that is one in which ASCII has further bytes, "" otherwise.
// Without a byte order mark it is known by these, which are 0.
func encodingOf(text string) string {
	for _, known := range []struct{ mark, name string }{
		{"\xff\xfe\x00\x00", "UTF-32LE"}, {"\x00\x00\xfe\xff", "UTF-32BE"}, {"\xff\xfe", "UTF-16LE"},
		{"\xfe\xff", "UTF-16BE"},
	} {
		if strings.HasPrefix(text, known.mark) {
			return known.name
		}
	}
	text = text[:min(len(text), enoughToDetect)]
	var zeros [4]int // by their place among four bytes
	for i := range len(text) {
		if text[i] == 0 {
			zeros[i%4]++
		}
	}
	most := max(1, len(text)/4*3/4) // of the bytes at one of these places
	even, odd := zeros[0]+zeros[2], zeros[1]+zeros[3]
	switch {
	case zeros[1] >= most && zeros[2] >= most && zeros[3] >= most:
		return "UTF-32LE"
	case zeros[0] >= most && zeros[1] >= most && zeros[2] >= most:
		return "UTF-32BE"
	case odd >= 2*most && even == 0:
		return "UTF-16LE"
	case even >= 2*most && odd == 0:
		return "UTF-16BE"
	}
	return ""
}
