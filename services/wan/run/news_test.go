package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
)

// news are all that the follower was told since the last call.
func (l *lab) news() (all []News) {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.reports {
		all = append(all, r.News...)
	}
	l.reports = nil
	return all
}

// optionIn is the value of an option of a message, nil if it has none.
func optionIn(m *wan.Message, code uint8) []byte {
	for _, o := range m.Options {
		if o.Code == code {
			return o.Data
		}
	}
	return nil
}

// TestNews: each event is told once, with what the server said, over a restart of the service by what was
// kept; the numbers ascend, and the history for people is without it.
func TestNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		time.Sleep(time.Minute)
		all := l.news()
		if len(all) != 1 || all[0].Name != client.BoundTo || all[0].Link != "eth0" || all[0].Message == nil ||
			all[0].Message.YIAddr.String() != "192.0.2.10" || string(optionIn(all[0].Message, 51)) != "\x00\x00\x0e\x10" {
			t.Errorf("bound: %+v", all)
		}
		last := all[0]
		time.Sleep(time.Hour)
		all = l.news()
		if len(all) == 0 || all[0].Name != client.Renewed || all[0].Message == nil || all[0].Number <= last.Number {
			t.Errorf("renewed: %+v", all)
		}
		last = all[len(all)-1]
		for _, e := range l.ask(t).Events {
			if e.Message != nil {
				t.Error("the history has messages")
			}
		}
		l.stop()
		l.start()
		all = l.news()
		if len(all) == 0 || all[0].Name != client.BoundTo || all[0].Number <= last.Number ||
			string(optionIn(all[0].Message, 51)) != "\x00\x00\x0e\x10" {
			t.Errorf("after a restart: %+v", all)
		}
		l.stop()

		// An older version has kept none.
		path := filepath.Join(l.dir, leaseFile)
		var kept map[string]any
		b, err := os.ReadFile(path)
		if err := errors.Join(err, json.Unmarshal(b, &kept)); err != nil || kept["Message"] == nil {
			t.Fatalf("%v, %v", kept, err)
		}
		delete(kept, "Message")
		b, err = json.Marshal(kept)
		if err := errors.Join(err, os.WriteFile(path, b, 0o600)); err != nil {
			t.Fatal(err)
		}
		l.start()
		all = l.news()
		if len(all) == 0 || all[0].Message.YIAddr.String() != "192.0.2.10" || string(optionIn(all[0].Message, 3)) != "\xc0\x00\x02\x01" {
			t.Errorf("of an older version: %+v", all)
		}
		l.stop()
	})
}

// TestNewsAreBounded: who follows late has the last ones, with numbers of their own in one moment.
func TestNewsAreBounded(t *testing.T) {
	r := reports{changed: make(chan struct{})}
	for i := range 100 {
		r.event("eth0", client.Event{Name: client.LeaseFail, At: time.Minute, Text: fmt.Sprint(i), Message: &wan.Message{}}, false)
	}
	now, settled, _ := r.current()
	if len(now.News) != maxNews || settled || now.News[maxNews-1].Number != time.Minute+99 || now.News[0].Number != time.Minute+92 {
		t.Errorf("%+v", now.News)
	}
	b, err := json.Marshal(now)
	if err != nil || strings.Contains(string(b), "Text") {
		t.Errorf("%s, %v", b, err)
	}
}
