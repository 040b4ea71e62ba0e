package dispatcher

import "testing"

// TestAnswers: a node hears the answers of all nodes to all nodes, and waits for those to itself.
func TestAnswers(t *testing.T) {
	var a answers
	a.note("node_other.1") // before it has ever asked
	token, all := a.expect("node_mine", 2)
	closed := func() bool {
		select {
		case <-all:
			return true
		default:
			return false
		}
	}
	a.note("node_other.1")
	a.note(token)
	if closed() {
		t.Error("one of two answers is enough")
	}
	a.note(token)
	if !closed() {
		t.Error("two of two answers are not enough")
	}
	a.note(token)
	a.forget(token)
	a.note(token)
	if len(a.missing)+len(a.all) != 0 {
		t.Errorf("kept: %v, %v", a.missing, a.all)
	}
}
