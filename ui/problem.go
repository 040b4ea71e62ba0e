package ui

// Problem is the page for a request that came to nothing.
type Problem struct {
	Frame
	Status int
	Detail string
}

func (*Problem) template() string { return "problem" }

// Hint says what to do next.
func (p *Problem) Hint() string {
	switch p.Status {
	case 404:
		return "It may have been deleted, or its retention is over. The address may also be mistyped."
	case 409:
		return "Something changed in the meantime. Go back, look at it as it is now and try again."
	case 503:
		return "Nothing that was accepted is lost. Try again in a moment."
	}
	return ""
}

// Login asks for the key that opens the pages.
type Login struct {
	Frame
	Form Form
	Next string // path to go to afterwards
}

func (*Login) template() string { return "login" }
