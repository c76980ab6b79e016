package image

import (
	"strings"
	"testing"
)

// A version is one word of the shell, whatever a tag is called (os-release(5)).
func TestOSRelease(t *testing.T) {
	for version, want := range map[string]string{
		"v1.0":        `VERSION="v1.0"`,
		"a\"b$c`d\\e": "VERSION=\"a\\\"b\\$c\\`d\\\\e\"",
		"two\nlines":  `VERSION="two lines"`,
	} {
		got := osRelease(version)
		if !strings.Contains(got, want+"\n") || strings.Count(got, "\n") != 4 {
			t.Errorf("%q: got\n%s", version, got)
		}
	}
}

func TestUsers(t *testing.T) {
	ids := map[int]bool{}
	for _, u := range users() {
		if ids[u.id] {
			t.Errorf("two users have the number %d", u.id)
		}
		ids[u.id] = true
	}
	for line := range strings.Lines(passwd()) {
		if fields := strings.Split(line, ":"); len(fields) != 7 || fields[2] != fields[3] {
			t.Errorf("passwd: %s", line)
		}
	}
	if lines := strings.Count(group(), "\n"); lines != len(users())+1 {
		t.Errorf("%d groups for %d users", lines, len(users()))
	}
}
