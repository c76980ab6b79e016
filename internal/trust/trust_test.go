package trust

import (
	"crypto/x509"
	"testing"
	"time"
)

func TestRoots(t *testing.T) {
	pool, err := Roots()
	if err != nil {
		t.Fatal(err)
	}
	if pool.Equal(x509.NewCertPool()) {
		t.Error("nobody is trusted")
	}
}

// A program knows the version of its modules; a test does not, and has the time of the newest authority.
func TestDate(t *testing.T) {
	least := time.Date(2024, 5, 15, 0, 0, 0, 0, time.UTC) // of the newest authority when this was written
	if newest := newest(); newest.Before(least) || Date().Before(newest) || Date().After(time.Now()) {
		t.Errorf("the list is of %s, the newest authority of %s", Date(), newest)
	}
	for version, want := range map[string]string{
		"v0.0.0-20261030153154-30a33513ff6d":       "2026-10-30T15:31:54Z",
		"v1.2.4-0.20261030153154-30a33513ff6d":     "2026-10-30T15:31:54Z",
		"v1.2.3-pre.0.20261030153154-30a33513ff6d": "2026-10-30T15:31:54Z",
		"v1.2.3": "", "v1.2.3-pre": "", "v1.2.3-a-b": "", "(devel)": "", "": "",
	} {
		date, ok := dateIn(version)
		if ok != (want != "") || ok && date.Format(time.RFC3339) != want {
			t.Errorf("%q: %s, %v", version, date, ok)
		}
	}
}
