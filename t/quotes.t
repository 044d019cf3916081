#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards that what an upstream says to all clients of a call, in an error, in a
# header, or beside the list of an answer, holds no words of one of them.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

use Test::LLMBatch::Fail;

my $t = Test::LLMBatch->new('quotes')->has('llm_batch');
my $mock = $t->backend();

my @texts = ('The quarterly report of the northern branch, not to be shared',
	'hunter2', map { "some text $_" } 1 .. 4);

for my $workers (1, 4) {
	fail_conf($t, 'llm_batch_breaker failures=100 cooldown=1s;',
		workers => $workers);
	$t->run();

	errors($workers);
	beside($workers);

	$t->quit() if $workers == 1;
}

$t->expect(qr/breaker/);
$t->done();


# who was told what another has sent

sub told($texts, @r) {
	my @told;

	for my $i (0 .. $#r) {
		my $all = join "\n", $r[$i]{body} // '',
			map { ref $_ ? @$_ : $_ } values %{$r[$i]{all} // {}};

		for my $j (grep { $_ != $i } 0 .. $#$texts) {
			my $begin = quotemeta substr $texts->[$j], 0, 20;
			push @told, "$i: $texts->[$j]" if $all =~ /$begin/i;
		}
	}

	return join ', ', @told;
}

sub refused($status, $text, %o) {
	my $texts = $o{texts} // \@texts;
	my @r = failing($t, $mock, { status => $status, body => $text,
		type => $o{type} // 'application/json',
		headers => { 'x-ratelimit-remaining-requests' => 7,
			%{$o{headers} // {}} } }, $texts, first => 1,
		body => { model => $o{model} // 'm' });

	is(statuses(@r), $status, "$o{name}: status");
	is(told($texts, @r), '', "$o{name}: nobody is told of another");
	is(headers('x-ratelimit-remaining-requests', @r), 7, "$o{name}: limits");
	is(sizes($mock), '1 ' . @$texts, "$o{name}: not tried again");

	return @r;
}

sub neutral($name, $status, @r) {
	is(scalar(grep { ref $_->{json} and $_->{body}
		=~ /^\{"error":.* answered $status .*"type":"llm_batch"/ } @r),
		scalar @r, "$name: a text of ours");
}

sub errors ($workers) {
	my $of = "workers $workers";
	my @r;

	# the error itself, where it is about nobody

	for my $status (401, 403, 404, 429) {
		@r = refused($status, qq({"error":{"message":"no $status here"}}),
			headers => { 'retry-after' => 30, 'x-note' => 'plain' },
			model => "plain $status", name => "$of, plain $status");
		is(scalar(grep { $_->{body} =~ /no $status here/ } @r), @texts,
			"$of, plain $status: the text of the upstream");
		is(headers('x-note', @r), 'plain', "$of, plain $status: headers");
	}

	# quoted; shortened; escaped; in HTML; short; of all

	my %quotes = (
		whole => qq({"error":"refused: $texts[0]"}),
		shortened => '{"error":"refused: \'the quarterly report o...\'"}',
		escaped => '{"error":"{\"input\":\"the qu\\\\u0061rterly report '
			. 'of\"}"}',
		html => "<p>refused:\n<b>$texts[1]</b></p>",
		short => '{"input":"hunter2"}',
		all => '{"input":["' . join('","', @texts) . '"]}',
	);

	for my $how (sort keys %quotes) {
		@r = refused(403, $quotes{$how}, name => "$of, $how",
			headers => { 'x-note' => 'plain' });
		neutral("$of, $how", 403, @r);
		is(headers('content-type', @r), 'application/json',
			"$of, $how: type");
		is(headers('x-note', @r), '', "$of, $how: no other header");
	}

	for my $status (401, 404, 429) {
		@r = refused($status, $quotes{whole}, name => "$of, $status",
			model => "quotes $status", headers => {
				'Retry-After' => 30 });
		neutral("$of, $status", $status, @r);
		is(headers('retry-after', @r), 30, "$of, $status: Retry-After");
	}

	# in a header

	@r = refused(403, '{"error":"refused"}', name => "$of, header",
		headers => { 'x-refused' => 'Hunter2' });
	neutral("$of, header", 403, @r);

	# so short that nobody can tell; long, and longer than what is looked at

	@r = refused(403, '{"error":"refused"}', name => "$of, too short",
		texts => [ @texts, 'abc' ]);
	neutral("$of, too short", 403, @r);

	@r = refused(403, '{"error":"' . 'r' x 16000 . '"}', name => "$of, long");
	is(scalar(grep { length $_->{body} > 16000 } @r), @texts,
		"$of, long: the text of the upstream");

	@r = refused(403, '{"error":"' . 'r' x 160000 . '"}',
		name => "$of, too long");
	neutral("$of, too long", 403, @r);
}

sub answered($name, $beside) {
	my $data = join ',', map {
		qq({"object":"embedding","index":$_,"embedding":[$_]})
	} 0 .. $#texts;

	return failing($t, $mock, { body =>
		qq({"object":"list","data":[$data],"model":"m",$beside}),
		type => 'application/json' }, \@texts, first => 1);
}

sub beside ($workers) {
	my $of = "workers $workers";

	# what is about nobody is given to all

	my @r = answered("$of, plain", '"usage":{"prompt_tokens":60,'
		. '"details":[{"modality":"TEXT","tokenCount":60}]},'
		. '"notice":"a text of the upstream"');
	is(headers('x-status', @r), 'MERGED', "$of, plain: status");
	is(scalar(grep { $_->{body} =~ /,"notice":"a text of the upstream"}/ } @r),
		scalar @texts, "$of, plain: to all");

	# what may be about one is given to nobody: each goes alone

	my %quotes = (
		'array in the usage' =>
			'"usage":{"prompt_tokens":60,"each":[1,2,3,4,5,6]}',
		'text in an array in the usage' =>
			'"usage":{"prompt_tokens":60,"by":[{"text":"hunter2"}]}',
		'object by item' => '"tokens":{"hunter2":7,"others":53}',
		'object of each' =>
			'"tokens":{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6}',
		'text' => '"notice":"cut: the quarterly report of..."',
		'array' => '"inputs":["' . join('","', @texts) . '"]',
	);

	for my $how (sort keys %quotes) {
		warm_up($t, $mock);

		@r = answered("$of, $how", $quotes{$how});

		is_own_answer(\@r, "$of, $how");
		is(told(\@texts, @r), '', "$of, $how: nobody is told of another");
		is(headers('x-status', @r), 'FALLBACK', "$of, $how: status");
		is(headers('x-reason', @r), 'mismatch', "$of, $how: reason");
	}
}
