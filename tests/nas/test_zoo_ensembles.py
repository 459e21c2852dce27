"""Networks that answer together: what their answer is, and what is refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import nas
from nas.profile import profile
from nas.zoo import ZooError
from nas.zoo.catalog import ZOO
from nas.zoo.ensembles import Ensemble
from tests.nas.test_lecture_facts import net


class Brightness(nn.Module):
    """Answers the sum of the pixels that it sees, and in training once more."""

    def forward(self, x):
        total = x.sum((1, 2, 3))[:, None]
        return (total, 2 * total) if self.training else total


def test_the_answer_is_the_mean_of_the_members_searched_ones_too():
    torch.manual_seed(0)
    members = [nas.create_model(name, size=32) for name in ("lenet_caffe", "lenet5")]
    members += [nas.create_model("nasbench201_best", channels=1, num_classes=10)]
    ensemble = Ensemble(members).eval()
    x = torch.rand(3, 1, 32, 32)
    wanted = (members[0](x) + members[1](x) + members[2](x)) / 3
    torch.testing.assert_close(ensemble(x), wanted)


def test_members_see_the_images_at_their_scales():
    seen = Ensemble([Brightness(), Brightness()], scales=(1.0, 2.0)).eval()
    x = torch.ones(1, 1, 4, 4)
    assert seen(x).item() == (16 + 64) / 2


def test_auxiliary_answers_of_all_members_follow_in_training():
    logits, *more = Ensemble([Brightness(), Brightness()]).train()(torch.ones(1, 1, 2, 2))
    assert logits.item() == 4
    assert [one.item() for one in more] == [8, 8]


@pytest.mark.parametrize(
    ("count", "scales", "field"),
    [(0, None, "members"), (2, (1.0,), "scales"), (1, (0.0,), "scales")],
)
def test_no_members_and_scales_that_do_not_fit_are_refused(count, scales, field):
    with pytest.raises(ZooError, match=field):
        Ensemble([Brightness() for _ in range(count)], scales)


def test_an_ensemble_costs_what_its_members_cost():
    alone, five, seven = (
        profile(net(name), ZOO.get(name).task)
        for name in ("alexnet_groups", "alexnet_ensemble_5", "alexnet_ensemble_7")
    )
    assert (five.params, five.madds) == (5 * alone.params, 5 * alone.madds)
    sixth = 256 * 256 * 9 + 256
    assert seven.params == 7 * alone.params + 2 * sixth


def test_the_members_of_the_fusion_see_299_pixels_where_others_see_224():
    fusion = net("fusion_5")
    assert [round(224 * scale) for scale in fusion.scales] == [299, 299, 299, 224, 224]
