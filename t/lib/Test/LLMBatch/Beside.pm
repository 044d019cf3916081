package Test::LLMBatch::Beside;

# Copyright (C) The ngx_http_llm_batch_module authors

# What the tests beside other parts of nginx share: N clients that ask at the
# same time are one call, which leaves because it is full, and each gets its own
# answer.  So a request that is not held, or is held twice, is seen.

use v5.36;

use Exporter qw/ import /;
use Test::More;

use Test::LLMBatch;
use Test::LLMBatch::Fail qw/ headers sizes statuses /;

use constant N => 12;

our @EXPORT = qw/ N batch headers is_merged one sizes statuses together /;


# directives for a location

sub batch($more = '') {
	return <<"CONF";
llm_batch zone=llm;
llm_batch_window fixed;
llm_batch_max_size @{[ N ]};
llm_batch_max_wait 10s;
llm_batch_concurrency 16;
llm_batch_fallback_limit 1000%;
llm_batch_breaker failures=10000 cooldown=1s;
$more
CONF
}

sub one($where, $text, %more) {
	return { uri => "/$where/v1/embeddings", %more,
		body => { model => 'm', input => $text } };
}

# N requests, or those that a function makes of 1 .. N

sub together($t, $where, $more = {}) {
	return $t->client()->finish($t->client()->start(map {
		one($where, "$where $_", ref $more eq 'CODE' ? $more->($_) : %$more)
	} 1 .. N));
}

# the same, and that they are one call of a backend; "how" is its script, "body"
# undoes what the location does to a body

sub is_merged($t, $mock, $where, %o) {
	my $name = $o{name} // $where;

	$mock->reset();
	$mock->script(%{$o{how}}) if $o{how};

	my @r = together($t, $where, $o{more} // {});

	local $Test::Builder::Level = $Test::Builder::Level + 1;

	is_own_answer($o{body} ? [ map { { %$_, $o{body}->($_) } } @r ] : \@r,
		"$name: own answers");
	is(sizes($mock), $o{sizes} // N, "$name: calls");

	return @r;
}

1;
